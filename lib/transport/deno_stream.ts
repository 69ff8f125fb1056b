import type { ByteStream } from "../ttrpc/mod.ts";

/** Size of the buffer that a connection reads into. */
const READ_BYTES = 32 << 10;

/** The part of `Deno.Conn` that a byte stream needs. */
export interface DenoConnection {
  read(buffer: Uint8Array<ArrayBuffer>): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
}

/** Makes a byte stream of a Deno connection, which it owns. */
export function denoStream(connection: DenoConnection): ByteStream {
  const buffer = new Uint8Array(READ_BYTES);
  let closed = false;
  return {
    async read() {
      if (closed) return null;
      try {
        const count = await connection.read(buffer);
        // A copy of what came: what waits in a queue must not hold the whole buffer.
        return count === null ? null : buffer.slice(0, count);
      } catch (error) {
        if (closed) return null;
        throw error;
      }
    },
    async write(bytes) {
      for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
    },
    close() {
      if (closed) return;
      closed = true;
      connection.close();
    },
  };
}
