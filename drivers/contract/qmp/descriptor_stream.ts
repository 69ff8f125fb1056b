import net from "node:net";
import { sendOver } from "../send_descriptors.ts";
import type { QmpStream } from "./client.ts";

/** A connection to a monitor over which descriptors can travel with a command (`getfd`). */
export class DescriptorStream implements QmpStream {
  readonly #socket: net.Socket;
  readonly #arrived: Uint8Array[] = [];
  #wake = () => {};
  #ended = false;

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    const end = () => {
      this.#ended = true;
      this.#wake();
    };
    socket.on("data", (bytes: Uint8Array) => {
      this.#arrived.push(bytes);
      this.#wake();
    });
    socket.on("error", end);
    socket.on("close", end);
  }

  /** @throws {Error} where nobody listens */
  static async connect(path: string): Promise<DescriptorStream> {
    const socket = net.connect(path);
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    return new DescriptorStream(socket);
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#arrived.length === 0) {
      if (this.#ended) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const first = this.#arrived[0]!;
    const part = first.subarray(0, into.length);
    into.set(part);
    if (part.length === first.length) this.#arrived.shift();
    else this.#arrived[0] = first.subarray(part.length);
    return part.length;
  }

  async write(bytes: Uint8Array, fds: readonly number[] = []): Promise<number> {
    // What was written before is with the kernel: the client writes one command after the other.
    if (fds.length > 0) return sendOver(this.#socket, new Uint8Array(bytes), fds);
    await new Promise<void>((resolve, reject) =>
      this.#socket.write(bytes, (error) => error ? reject(error) : resolve())
    );
    return bytes.length;
  }

  close(): void {
    this.#socket.destroy();
  }
}
