import net from "node:net";

/** A connection to virtiofsd that is held as a VMM would hold it, and the directory behind it. */
export interface SharedDirectory {
  hostDir: string;
  /** Ends the daemon, which serves one connection. */
  close(): void;
}

/**
 * Takes the place of a VMM at a virtiofsd.
 *
 * Under emulation virtiofs breaks programs (docs/decisions/9p-under-emulation.md), so the stand-in cannot give it
 * to its guest. It connects as the real program would, which also ties the daemon's life to the VM's. What is shared it
 * cannot ask: it is where the storage service has it for that socket, or the directory `shared` beside the socket, as the tests
 * of drivers have it; QEMU's 9p server then offers that under the same tag.
 *
 * @param socket its vhost-user socket
 * @throws where no virtiofsd listens
 */
export async function takeShare(socket: string): Promise<SharedDirectory> {
  const hostDir = `${
    socket.replace(/\/\.sockets\/([^/]+)\.sock$|\/[^/]+$/, (_, id) => id ? `/${id}` : "")
  }/shared`;
  const connection = net.connect(socket);
  await new Promise<void>((resolve, reject) => {
    connection.once("connect", resolve);
    connection.once("error", reject);
  });
  connection.on("error", () => {});
  return { hostDir, close: () => void connection.destroy() };
}
