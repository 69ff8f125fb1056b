import * as sys from "../native/sys.js";
import { log } from "./log.ts";

/** Connections taken in one turn of the loop, so that a flood cannot starve others. */
const ACCEPTS_PER_TURN = 16;
/** How long accepting rests when the process is out of fds or memory. */
const REST_MS = 100;

/** A connection as it was accepted; the receiver owns the fd. */
export type Accepted = NonNullable<ReturnType<typeof sys.accept>>;

/** Calls `onConnection` for each connection on a listening socket. */
export function serveListener(fd: number, onConnection: (connection: Accepted) => void): void {
  sys.watch(fd, sys.EPOLL.IN, () => {
    try {
      for (let i = 0; i < ACCEPTS_PER_TURN; i++) {
        const connection = sys.accept(fd);
        if (!connection) return;
        onConnection(connection);
      }
    } catch (error) {
      log.error("cannot accept", { error });
      sys.unwatch(fd);
      setTimeout(() => serveListener(fd, onConnection), REST_MS);
    }
  });
}
