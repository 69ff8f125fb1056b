import { closeFd, listenUnixFd } from "../../lib/libc/mod.ts";

/** A listening unix socket that is not served here but handed to a child. */
export interface ListeningSocket {
  /** Name in LISTEN_FDNAMES. */
  name: string;
  path: string;
  fd: number;
  /** Closes the socket and removes its file. May be repeated. */
  close(): Promise<void>;
}

/**
 * Binds a unix socket at `path` with mode 0600 and listens, without ever accepting.
 *
 * The kernel keeps the connections of clients in the backlog while the child that serves them is away, so
 * that nobody is refused. Deno's own listeners cannot be handed to a child, hence the system calls.
 *
 * @throws KuasarError INVALID_ARGUMENT for a path that is too long, an Errno where a call fails
 */
export async function listenForChild(name: string, path: string): Promise<ListeningSocket> {
  await Deno.remove(path).catch(() => {});
  const fd = listenUnixFd(path, 0o600);
  let open = true;
  return {
    name,
    path,
    fd,
    close: async () => {
      if (!open) return;
      open = false;
      closeFd(fd);
      await Deno.remove(path).catch(() => {});
    },
  };
}
