import type { ByteStream } from "../../lib/ttrpc/mod.ts";
import * as sys from "../native/sys.js";
import { FdStream } from "../runtime/fd_stream.ts";
import { FrameBounds } from "./frame_bounds.ts";

const READ_BYTES = 64 << 10;

/**
 * A connection that outlives this process. What has been read stays in the kernel until the reader comes back for more: by
 * then it has noted every call in it. So a server that is killed in between leaves the calls to the next one.
 *
 * Only a read that ends within a frame is taken at once, because the kernel cannot wait for more than it holds.
 */
export class ConnectionStream implements ByteStream {
  readonly #stream: FdStream;
  readonly #bounds = new FrameBounds();
  #peeked = 0;

  /** @param fd is owned */
  constructor(fd: number) {
    this.#stream = new FdStream(fd);
  }

  async read(): Promise<Uint8Array | null> {
    this.#take();
    for (let fd = this.#stream.fd; fd >= 0; fd = this.#stream.fd) {
      const bytes = sys.recv(fd, READ_BYTES, true);
      if (bytes === null) {
        await this.#stream.readable();
        continue;
      }
      if (bytes.length === 0) return null;
      this.#peeked = bytes.length;
      if (!this.#bounds.push(bytes)) this.#take();
      return bytes;
    }
    return null;
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#stream.write(bytes);
  }

  /** Ends the connection for the peer too, whoever else holds the socket. */
  close(): void {
    if (this.#stream.fd >= 0) sys.shutdown(this.#stream.fd, sys.SHUT.RDWR);
    this.#stream.close();
  }

  #take(): void {
    if (this.#peeked > 0 && this.#stream.fd >= 0) sys.recv(this.#stream.fd, this.#peeked);
    this.#peeked = 0;
  }
}
