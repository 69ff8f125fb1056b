import net from "node:net";
import { asKuasarError } from "../errors/mod.ts";
import {
  acceptSocket,
  closeFd,
  EPOLL,
  fdWatcher,
  isErrno,
  peerCredentials,
  pollFd,
  setNonblocking,
} from "../libc/mod.ts";
import { logger } from "../log/mod.ts";

const log = logger("transport");

/** How long accepting rests when the process or the host is out of descriptors or memory. */
const REST_MS = 100;
/** Connections taken in one turn of the loop, so that a flood cannot starve others. */
const ACCEPTS_PER_TURN = 16;

/** What accepts connections. */
export interface Acceptor {
  /** Accepts no more and closes the listening descriptor. Connections stay open. Idempotent. */
  close(): Promise<void>;
}

/**
 * Accepts the connections of root and of the own user, by the kernel's word on who they are.
 *
 * `node:net` is not used for it: after a single accept that fails (EMFILE, ENFILE, ENOMEM) Deno 2.9.6 accepts no more,
 * for ever, and tells nobody (`accept_test.ts`). Here a connection that cannot be taken stays in the kernel's queue, and is
 * taken as soon as there is room.
 *
 * @param fd a listening unix socket, owned from here on
 * @param path for messages
 * @param onConnection gets the connected socket and owns it
 * @throws {Errno} where the socket cannot be watched
 */
export function acceptUnix(fd: number, path: string, onConnection: (socket: net.Socket) => void): Acceptor {
  setNonblocking(fd);
  let stop = () => {};
  let resting: ReturnType<typeof setTimeout> | undefined;
  let starved = false;
  let closed = false;

  const listen = () => {
    try {
      stop = fdWatcher().watch(fd, acceptSome);
    } catch (error) {
      if (resting === undefined) throw error;
      rest(error);
    }
  };
  const rest = (error: unknown) => {
    stop();
    if (!starved) log.error("Cannot accept, trying again until it works", { path, error, rest_ms: REST_MS });
    starved = true;
    resting = setTimeout(listen, REST_MS);
  };
  const acceptSome = () => {
    for (let count = 0; count < ACCEPTS_PER_TURN && !closed; count++) {
      let connection: number;
      try {
        connection = acceptSocket(fd, { nonblocking: true });
      } catch (error) {
        if (isErrno(error, "EAGAIN")) return;
        if (isErrno(error, "ECONNABORTED")) continue;
        // The kernel looks for a free descriptor first: perhaps nobody waits for it.
        if (!pollFd(fd, EPOLL.IN, 0)) return;
        return rest(error);
      }
      if (starved) log.info("Accepting again", { path });
      starved = false;
      takeUnix(connection, path, onConnection);
    }
  };
  listen();
  return {
    async close() {
      if (closed) return;
      closed = true;
      clearTimeout(resting);
      stop();
      closeFd(fd);
      await fdWatcher().settled();
    },
  };
}

/**
 * Takes a connection that was accepted, where its peer may connect; else it is closed.
 *
 * @param fd owned from here on
 */
export function takeUnix(fd: number, path: string, onConnection: (socket: net.Socket) => void): void {
  if (!mayConnect(fd, path)) return closeFd(fd);
  let socket: net.Socket;
  try {
    socket = new net.Socket({ fd });
  } catch (error) {
    log.error("Cannot take a connection", { path, error });
    return closeFd(fd);
  }
  onConnection(socket);
}

/** Whether the peer is root or our own user. */
function mayConnect(fd: number, path: string): boolean {
  try {
    const { uid, pid } = peerCredentials(fd);
    if (uid === 0 || uid === Deno.uid()) return true;
    log.warn("Refused a connection", { path, uid, pid });
  } catch (error) {
    log.warn("Refused a connection without credentials", { path, error: asKuasarError(error).message });
  }
  return false;
}
