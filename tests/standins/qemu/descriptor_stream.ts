import net from "node:net";
import type { QmpStream } from "../../../drivers/contract/qmp/client.ts";
import { sendDescriptors } from "../../../lib/libc/mod.ts";

/** A connection to a monitor over which a descriptor can travel with a command (`getfd`). */
export class DescriptorStream implements QmpStream {
  readonly #socket: net.Socket;
  readonly #arrived: Uint8Array[] = [];
  #wake = () => {};
  #ended = false;
  #next: number | undefined;

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

  static async connect(path: string): Promise<DescriptorStream> {
    const socket = net.connect(path);
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    return new DescriptorStream(socket);
  }

  /** The next command that is written carries this descriptor; the caller keeps its own. */
  carry(fd: number): void {
    this.#next = fd;
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

  async write(bytes: Uint8Array): Promise<number> {
    const fd = this.#next;
    this.#next = undefined;
    if (fd !== undefined) {
      // The descriptor behind a node socket has no public name.
      const socket = (this.#socket as unknown as { _handle?: { fd?: number } })._handle?.fd ?? -1;
      return sendDescriptors(socket, new Uint8Array(bytes), [fd]);
    }
    await new Promise<void>((resolve, reject) =>
      this.#socket.write(bytes, (error) => error ? reject(error) : resolve())
    );
    return bytes.length;
  }

  close(): void {
    this.#socket.destroy();
  }
}
