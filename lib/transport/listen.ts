import type net from "node:net";
import { listenUnixFd } from "../libc/mod.ts";
import { logger } from "../log/mod.ts";
import { inheritedFd } from "../service/mod.ts";
import type { ByteStream } from "../ttrpc/mod.ts";
import { acceptUnix } from "./accept.ts";
import { nodeStream } from "./node_stream.ts";

const log = logger("transport");

/** Where to listen. */
export interface ListenOptions {
  path: string;
  /** Mode of the socket file. Default 0600. */
  mode?: number;
  /** Name under which the socket may have been inherited (LISTEN_FDNAMES). */
  fdName?: string;
}

/** A listening socket. */
export interface Listener {
  /** Stops listening and closes the connections; removes the socket file unless it was inherited. */
  close(): Promise<void>;
}

/**
 * Listens on a unix socket and hands each connection of root or the own user to `serve`.
 *
 * @throws FAILED_PRECONDITION when another process serves on the path
 */
export async function listenUnix(
  { path, mode = 0o600, fdName }: ListenOptions,
  serve: (stream: ByteStream) => void,
): Promise<Listener> {
  const inherited = fdName === undefined ? undefined : inheritedFd(fdName);
  const fd = inherited ?? listenUnixFd(path, mode);
  const sockets = new Set<net.Socket>();
  const acceptor = acceptUnix(fd, path, (socket) => {
    socket.on("error", (error) => log.debug("Connection failed", { path, error }));
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    serve(nodeStream(socket));
  });
  return {
    async close() {
      const closed = acceptor.close();
      const ended = [...sockets].map((socket) => new Promise((resolve) => socket.once("close", resolve)));
      for (const socket of sockets) socket.destroy();
      await Promise.all([closed, ...ended]);
      if (inherited !== undefined) return;
      await Deno.remove(path).catch((error) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      });
    },
  };
}
