import * as sys from "../native/sys.js";
import { within } from "../runtime/deadline.ts";

/** As for a call of the runtime. */
const START_TIMEOUT_MS = 60_000;

/**
 * Lets the init of a created container go on, as `start` of runc and crun does: by the FIFO at which it waits, which is gone
 * afterwards. So the runtime's own `state` tells that the container runs.
 *
 * @param directory the container's own, in the runtime's state
 * @param ended resolves when the init ends
 * @returns false where it is not started, for the runtime to do it or to tell why not
 */
export async function startByFifo(directory: string, ended: Promise<unknown>): Promise<boolean> {
  const fifo = `${directory}/exec.fifo`;
  try {
    if (sys.stat(fifo).type !== "fifo") return false;
    // Both are told by the file that only the one of them has: crun's init reads from the FIFO, runc's writes to it.
    if (sys.exists(`${directory}/status`)) return writeTo(fifo);
    return sys.exists(`${directory}/state.json`) && await readFrom(fifo, ended);
  } catch {
    return false;
  }
}

/** @throws sys.SysError ENXIO where the init, which would read, has ended */
function writeTo(fifo: string): boolean {
  const fd = sys.open(fifo, sys.O.WRONLY | sys.O.NONBLOCK);
  try {
    sys.unlink(fifo);
    return sys.write(fd, new Uint8Array(1)) === 1;
  } finally {
    sys.close(fd);
  }
}

async function readFrom(fifo: string, ended: Promise<unknown>): Promise<boolean> {
  const fd = sys.open(fifo, sys.O.RDONLY | sys.O.NONBLOCK);
  try {
    const readable = new Promise<void>((resolve) => sys.watch(fd, sys.EPOLL.IN, () => resolve()));
    await within(START_TIMEOUT_MS, "start the container's process", Promise.race([readable, ended]));
    // It may have written and ended before we looked.
    if (sys.read(fd, new Uint8Array(1)) !== 1) return false;
    sys.unlink(fifo);
    return true;
  } finally {
    sys.close(fd);
  }
}
