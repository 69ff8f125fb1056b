import * as sys from "../native/sys.js";
import { log } from "../runtime/log.ts";

/** For the files of some calls that are under way at once: a process's spec, the runtime's log and pid file. */
const SPARE_BYTES = 128 << 10;

/** Room on the disk of the run directory that is kept for what must still work when the disk is full. */
export class SpareRoom {
  readonly #path: string;
  readonly #fd: number;
  #lent = 0;

  /** @param path of the file that holds the room */
  constructor(path: string) {
    this.#path = path;
    this.#fd = sys.open(path, sys.O.WRONLY | sys.O.CREAT, 0o600);
    this.#reserve();
  }

  /** Gives the room away while something is done whose files go with it, where there is too little besides. */
  async lend<T>(work: () => Promise<T>): Promise<T> {
    const { blocksAvailable, blockSize } = sys.statfs(this.#path);
    if (this.#lent === 0 && blocksAvailable * blockSize >= SPARE_BYTES) return await work();
    if (this.#lent++ === 0) sys.truncate(this.#fd, 0);
    try {
      return await work();
    } finally {
      if (--this.#lent === 0) this.#reserve();
    }
  }

  #reserve(): void {
    try {
      sys.reserve(this.#fd, SPARE_BYTES);
    } catch (error) {
      log.debug("cannot keep room for execs on a full disk", { file: this.#path, error });
    }
  }
}
