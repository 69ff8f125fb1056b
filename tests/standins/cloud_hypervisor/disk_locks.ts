import { closeFd } from "../../../lib/libc/mod.ts";
import { lockFile } from "../ofd_lock.ts";
import { ApiError } from "./api_error.ts";
import type { DiskConfig } from "./vm_config.ts";

/** The first version that locks its disks. */
const FIRST_VERSION = 46;

/** The locks that the real one takes on the files of a VM's disks: one may write, or many may read. */
export class DiskLocks {
  readonly #active: boolean;
  readonly #fds = new Map<string, number>();

  /** @param version major version */
  constructor(version: number) {
    this.#active = version >= FIRST_VERSION;
  }

  /** Locks the file of a disk. @throws {ApiError} 500 where somebody else has it */
  take({ id = "", path = "", readonly = false, vhost_user: vhostUser = false }: DiskConfig): void {
    if (!this.#active || vhostUser || this.#fds.has(id)) return;
    const fd = lockFile(path, !readonly);
    if (fd === undefined) {
      throw new ApiError(
        500,
        "Error from API",
        `Cannot lock the disk ${id}`,
        `${path} is already locked; a ${readonly ? "read" : "write"} lock is not possible`,
      );
    }
    this.#fds.set(id, fd);
  }

  /** Gives the lock of a disk back. One that is not there is fine. */
  release(id: string): void {
    const fd = this.#fds.get(id);
    if (fd !== undefined) closeFd(fd);
    this.#fds.delete(id);
  }

  /** Gives all locks back. */
  clear(): void {
    for (const id of [...this.#fds.keys()]) this.release(id);
  }
}
