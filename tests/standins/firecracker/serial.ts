import { closeFd, OPEN, openFd, writeFd } from "../../../lib/libc/mod.ts";

const NONBLOCK = 0o4000;

/**
 * Copies what a guest prints into a file or a named pipe, which is opened as the real program does: for both directions and
 * without ever waiting, so that what a pipe has no room for is lost.
 *
 * @param socket QEMU's, which listens
 * @throws where the path cannot be opened
 */
export async function copySerial(socket: string, path: string | undefined): Promise<void> {
  const out = path === undefined ? 1 : openFd(path, OPEN.RDWR | OPEN.CREAT | NONBLOCK, 0o600);
  const conn = await Deno.connect({ transport: "unix", path: socket });
  void (async () => {
    const buffer = new Uint8Array(4096);
    try {
      for (let count = await conn.read(buffer); count !== null; count = await conn.read(buffer)) {
        writeWhatFits(out, buffer.slice(0, count));
      }
    } catch {
      // QEMU has gone.
    } finally {
      if (out !== 1) closeFd(out);
    }
  })();
}

function writeWhatFits(fd: number, bytes: Uint8Array<ArrayBuffer>): void {
  try {
    writeFd(fd, bytes);
  } catch {
    // A full pipe.
  }
}
