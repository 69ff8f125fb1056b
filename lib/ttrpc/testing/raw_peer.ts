import { Request, Response } from "../../proto/gen/ttrpc/ttrpc.ts";
import type { ByteStream } from "../byte_stream.ts";
import { encodeHeader, type Frame } from "../frame.ts";
import { FrameReader } from "../frame_reader.ts";
import { concat } from "./stream_pair.ts";

/** A peer that speaks frames by hand, to say what a correct peer never says. */
export class RawPeer {
  readonly #stream: ByteStream;
  readonly #reader: FrameReader;

  constructor(stream: ByteStream) {
    this.#stream = stream;
    this.#reader = new FrameReader(stream);
  }

  /** Sends a frame, with any header. */
  async send(streamId: number, type: number, flags: number, body: Uint8Array, length = body.length) {
    await this.#stream.write(concat([encodeHeader(length, streamId, type, flags), body]));
  }

  /** Sends a request frame. */
  async request(streamId: number, request: Partial<Request>, flags = 0): Promise<void> {
    const whole = { service: "", method: "", payload: new Uint8Array(0), timeoutNano: 0n, metadata: [] };
    await this.send(streamId, 1, flags, Request.encode({ ...whole, ...request }).finish());
  }

  /** The next frame of the other side, null at the end. */
  frame(): Promise<Frame | null> {
    return this.#reader.next();
  }

  /** The next frame as an answer: its stream, status code and payload. */
  async response(): Promise<{ streamId: number; code: number; message: string; payload: Uint8Array }> {
    const frame = await this.frame();
    if (!frame) throw new Error("the stream has ended");
    if (frame.type !== 2) throw new Error(`frame type ${frame.type} instead of an answer`);
    const { status, payload } = Response.decode(frame.body);
    return { streamId: frame.streamId, code: status?.code ?? 0, message: status?.message ?? "", payload };
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#stream.write(bytes);
  }

  close(): void {
    this.#stream.close();
  }
}
