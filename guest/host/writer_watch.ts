import * as sys from "../native/sys.js";
import { log } from "../runtime/log.ts";
import type { FileWatch } from "../task/watch_file.ts";

/** Of struct inotify_event: wd, mask, cookie, len. What a watch on a file itself tells has no name behind it. */
const EVENT_BYTES = 16;

/** A user has few inotify instances, and one does for all watches. */
let instance = -1;
const watches = new Map<number, () => void>();

/**
 * Calls `onClosed` each time somebody who could write to a file has closed it, from now on.
 *
 * @throws sys.SysError where the file cannot be watched
 * @see inotify(7)
 */
export function watchWriters(path: string, onClosed: () => void): FileWatch {
  if (instance < 0) {
    instance = sys.inotifyInit();
    sys.watch(instance, sys.EPOLL.IN, read);
  }
  const watch = sys.inotifyAddWatch(instance, path, sys.IN.CLOSE_WRITE);
  watches.set(watch, onClosed);
  return {
    close: () => {
      if (!watches.delete(watch)) return;
      try {
        sys.inotifyRemoveWatch(instance, watch);
      } catch (error) {
        // The file is gone, and its watch with it.
        log.debug("watch of a file's writers has ended", { path, error });
      }
    },
  };
}

function read(): void {
  const bytes = new Uint8Array(EVENT_BYTES * 64);
  for (let count = sys.read(instance, bytes); count > 0; count = sys.read(instance, bytes)) {
    const view = new DataView(bytes.buffer, 0, count);
    for (let at = 0; at + EVENT_BYTES <= count; at += EVENT_BYTES) {
      const [watch, mask] = [view.getInt32(at, true), view.getUint32(at + 4, true)];
      if (mask & sys.IN.CLOSE_WRITE) watches.get(watch)?.();
      else if (mask & sys.IN.IGNORED) watches.delete(watch);
    }
  }
}
