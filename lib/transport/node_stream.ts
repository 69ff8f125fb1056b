import type net from "node:net";
import type { ByteStream } from "../ttrpc/mod.ts";

/** Makes a byte stream of a Node socket, which it owns. Data is read only as fast as it is asked for. */
export function nodeStream(socket: net.Socket): ByteStream {
  let failure: Error | undefined;
  let ended = false;
  let wake: (() => void) | undefined;
  const notify = () => {
    wake?.();
    wake = undefined;
  };
  socket.on("readable", notify);
  socket.on("end", () => (ended = true, notify()));
  socket.on("close", () => (ended = true, notify()));
  socket.on("error", (error) => (failure = error, notify()));
  return {
    async read() {
      while (true) {
        const chunk = socket.read() as Uint8Array | null;
        // A plain view instead of Node's Buffer, whose methods differ from those of its parent.
        if (chunk) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
        if (failure) throw failure;
        if (ended) return null;
        await new Promise<void>((resolve) => wake = resolve);
      }
    },
    write(bytes) {
      return new Promise((resolve, reject) => {
        socket.write(bytes, (error) => error ? reject(error) : resolve());
      });
    },
    close() {
      socket.destroy();
    },
  };
}
