import net from "node:net";
import { asKuasarError, KuasarError } from "../errors/mod.ts";
import { listenUnixFd, peerCredentials } from "../libc/mod.ts";
import { logger } from "../log/mod.ts";
import { inheritedFd } from "../service/mod.ts";
import type { ByteStream } from "../ttrpc/mod.ts";
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
 * Node's server is used because it also takes an inherited descriptor.
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
  const server = net.createServer((socket) => {
    socket.on("error", (error) => log.debug("Connection failed", { path, error }));
    if (!mayConnect(socket, path)) return void socket.destroy();
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    serve(nodeStream(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => {
      reject(new KuasarError("INTERNAL", `Cannot listen on ${path}: ${error.message}`, { cause: error }));
    });
    server.listen({ fd }, resolve);
  });
  return {
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
      if (inherited !== undefined) return;
      await Deno.remove(path).catch((error) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      });
    },
  };
}

/** Whether the peer is root or our own user, by the kernel's word. */
function mayConnect(socket: net.Socket, path: string): boolean {
  // The descriptor behind a node socket has no public name.
  const fd = (socket as unknown as { _handle?: { fd?: number } })._handle?.fd ?? -1;
  try {
    const { uid, pid } = peerCredentials(fd);
    if (uid === 0 || uid === Deno.uid()) return true;
    log.warn("Refused a connection", { path, uid, pid });
  } catch (error) {
    log.warn("Refused a connection without credentials", { path, error: asKuasarError(error).message });
  }
  return false;
}
