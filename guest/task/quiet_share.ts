import { SHARE_PATH } from "../init/share.ts";
import * as sys from "../native/sys.js";
import { sleep } from "../runtime/deadline.ts";
import { log } from "../runtime/log.ts";

/** A folder for each file system of a daemon's, by the minor number of its device. @see https://docs.kernel.org/filesystems/fuse.html */
const CONNECTIONS = "/sys/fs/fuse/connections";
const LOOK_MS = 2;
/** Other containers of the pod may ask without a pause. */
const TIMEOUT_MS = 2_000;

/**
 * Waits until the host has answered all that this guest has asked of its share. A file that a process has closed, or that was open
 * when it ended, is given back to the host in the background: Linux (6.12) does not survive the end of the mount it was on before
 * that is answered, where that is one of the share's own mounts.
 */
export async function untilShareIsQuiet(): Promise<void> {
  for (const end = sys.nowMs() + TIMEOUT_MS; sys.nowMs() < end; await sleep(LOOK_MS)) {
    if (!isAsking()) return;
  }
  log.warn("the share is never quiet");
}

/** False on a host, where nothing is shared. */
function isAsking(): boolean {
  try {
    const { dev } = sys.stat(SHARE_PATH);
    const minor = (dev & 0xff) | ((dev >> 12) & 0xfff00);
    return sys.readTextFile(`${CONNECTIONS}/${minor}/waiting`, 32).trim() !== "0";
  } catch {
    return false;
  }
}
