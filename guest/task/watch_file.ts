import * as sys from "../native/sys.js";
import { log } from "../runtime/log.ts";

/** A watch on a file; {@link FileWatch.close} may be called twice. */
export interface FileWatch {
  close(): void;
}

const MAX_BYTES = 4096;

/**
 * Calls `onText` with the content of a cgroup file that notifies (`*.events`), now and after each change.
 *
 * Such a file reports a change until its beginning has been read again. Without a seek that takes a new descriptor; one that
 * is opened and read before it is watched misses no change.
 *
 * @throws sys.SysError when the file cannot be opened
 * @see https://docs.kernel.org/admin-guide/cgroup-v2.html
 */
export function watchFile(path: string, onText: (text: string) => void): FileWatch {
  let fd = -1;
  const close = () => {
    if (fd >= 0) sys.close(fd);
    fd = -1;
  };
  const look = () => {
    close();
    fd = sys.open(path, sys.O.RDONLY);
    const bytes = new Uint8Array(MAX_BYTES);
    const count = sys.read(fd, bytes);
    sys.watch(fd, sys.EPOLL.PRI, () => {
      try {
        look();
      } catch (error) {
        // The cgroup has gone.
        log.debug("watch has ended", { path, error });
        close();
      }
    });
    onText(sys.utf8Decode(bytes.subarray(0, Math.max(count, 0))));
  };
  look();
  return { close };
}
