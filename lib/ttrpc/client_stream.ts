import { KuasarError } from "../errors/mod.ts";
import { decodeMessage, decodeResponse } from "./answer.ts";
import type { MethodDefinition } from "./definition.ts";
import { checkSize } from "./envelope.ts";
import { FLAG, type Frame, FRAME_TYPE } from "./frame.ts";
import type { FrameWriter } from "./frame_writer.ts";
import { MessageQueue } from "./message_queue.ts";

const EMPTY = new Uint8Array(0);

/** The client's end of a stream: iterate over it for the server's messages. */
export class ClientStream<Req, Res> implements AsyncIterable<Res> {
  readonly #streamId: number;
  readonly #method: MethodDefinition;
  readonly #writer: FrameWriter;
  readonly #forget: () => void;
  readonly #incoming = new MessageQueue<Res>();
  #sendClosed = false;
  #over: KuasarError | true | undefined;

  constructor(streamId: number, method: MethodDefinition, writer: FrameWriter, forget: () => void) {
    this.#streamId = streamId;
    this.#method = method;
    this.#writer = writer;
    this.#forget = forget;
  }

  /**
   * Sends a message; resolves when it is handed to the transport.
   *
   * @throws FAILED_PRECONDITION after `closeSend` or the end of the stream: a Go server of version 1.2.7
   *   panics on data for a stream that is over
   */
  async send(message: Req): Promise<void> {
    if (this.#over instanceof KuasarError) throw this.#over;
    if (this.#over || this.#sendClosed) {
      throw new KuasarError("FAILED_PRECONDITION", "Cannot send: the stream is closed");
    }
    const body = this.#method.requestType.encode(message).finish();
    checkSize(body.length, this.#method.name);
    await this.#writer.write(this.#streamId, FRAME_TYPE.data, 0, [body]);
  }

  /** Ends the client's direction, with a frame of its own: Go servers refuse a last message in it. */
  async closeSend(): Promise<void> {
    if (this.#sendClosed || this.#over) return;
    this.#sendClosed = true;
    await this.#writer.write(this.#streamId, FRAME_TYPE.data, FLAG.remoteClosed | FLAG.noData, [EMPTY]);
  }

  /** Gives the stream up: half-closes it and drops whatever still comes. */
  async close(): Promise<void> {
    const closing = this.closeSend();
    this.#incoming.abandon();
    this.#finish(true);
    await closing;
  }

  /** The next message, or undefined at the end. @throws the server's status */
  next(): Promise<Res | undefined> {
    return this.#incoming.next();
  }

  [Symbol.asyncIterator](): AsyncGenerator<Res, void, void> {
    return this.#incoming[Symbol.asyncIterator]();
  }

  /** Takes a frame of the connection; for the client only. */
  onFrame(frame: Frame): Promise<void> | undefined {
    try {
      if (frame.type === FRAME_TYPE.data && frame.oversizedBytes === undefined) return this.#onData(frame);
      const payload = decodeResponse(frame, this.#method.name);
      if (payload.length > 0) void this.#incoming.push(decodeMessage(this.#method, payload) as Res);
      this.#incoming.end();
      this.#finish(true);
    } catch (error) {
      this.onLost(error as KuasarError);
    }
    return undefined;
  }

  /** Ends the stream with an error; for the client only. */
  onLost(error: KuasarError): void {
    this.#incoming.fail(error);
    this.#finish(error);
  }

  #onData({ flags, body }: Frame): Promise<void> | undefined {
    const last = (flags & FLAG.remoteClosed) !== 0;
    const empty = (flags & FLAG.noData) !== 0 || (last && body.length === 0);
    const room = empty ? undefined : this.#incoming.push(decodeMessage(this.#method, body) as Res);
    if (!last) return room;
    this.#incoming.end();
    this.#finish(true);
    return undefined;
  }

  #finish(over: KuasarError | true): void {
    this.#over ??= over;
    this.#forget();
  }
}
