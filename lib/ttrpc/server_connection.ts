import { asKuasarError, KuasarError } from "../errors/mod.ts";
import { Request } from "../proto/gen/ttrpc/ttrpc.ts";
import type { ByteStream } from "./byte_stream.ts";
import { Call } from "./call_context.ts";
import type { LastingConnection } from "./call_log.ts";
import { checkSize, encodeError, encodeOk } from "./envelope.ts";
import { FLAG, type Frame, FRAME_TYPE } from "./frame.ts";
import { FrameReader } from "./frame_reader.ts";
import { FrameWriter } from "./frame_writer.ts";
import { MessageQueue } from "./message_queue.ts";
import type { AnyStream, AnyUnary, MethodTable, ServedMethod } from "./method_table.ts";
import type { ServerOptions } from "./server.ts";

const EMPTY = new Uint8Array(0);

/** A call that is not answered yet; `incoming` is there for streams. */
interface ActiveCall {
  readonly call: Call;
  readonly method: ServedMethod;
  readonly incoming: MessageQueue<unknown> | undefined;
  /** A message that could not be taken: the stream ends with it, whatever its handler makes of that. */
  failure?: KuasarError;
  /** The peer's end is not waited for. */
  letGo?: boolean;
}

/** One connection of a `TtrpcServer`: reads frames, runs handlers, writes their answers. */
export class ServerConnection {
  readonly #stream: ByteStream;
  readonly #methods: MethodTable;
  readonly #options: ServerOptions;
  readonly #reader: FrameReader;
  readonly #writer: FrameWriter;
  readonly #active = new Map<number, ActiveCall>();
  /** Streams that have ended on our side, and whose peer has not said yet that it has seen that. */
  readonly #halfOpen = new Set<number>();
  readonly #lasting: LastingConnection | undefined;
  #lastStreamId = 0;

  constructor(
    stream: ByteStream,
    methods: MethodTable,
    options: ServerOptions,
    lasting: LastingConnection | undefined,
  ) {
    this.#lasting = lasting;
    this.#lastStreamId = lasting?.state?.lastStreamId ?? 0;
    this.#stream = stream;
    this.#methods = methods;
    this.#options = options;
    this.#reader = new FrameReader(stream);
    this.#writer = new FrameWriter(stream);
  }

  /** Serves until the peer closes or breaks the framing. Never rejects. */
  async run(): Promise<void> {
    try {
      await this.#resume();
      while (true) {
        const frame = await this.#reader.next();
        if (!frame) break;
        await this.#dispatch(frame);
      }
    } catch (error) {
      this.#options.onProtocolError?.(asKuasarError(error, "Cannot read from the ttrpc connection"));
    } finally {
      this.#end();
    }
  }

  /** Goes on with the calls that an earlier process has left without an answer. */
  async #resume(): Promise<void> {
    for (const { streamId, body } of this.#lasting?.state?.open ?? []) {
      const { service, method } = Request.decode(body);
      if (this.#lasting!.repeats(service, method)) {
        // A stream's peer may go on sending; that a call's does not makes no difference.
        await this.#request({ streamId, type: FRAME_TYPE.request, flags: FLAG.remoteOpen, body });
        continue;
      }
      const text = `Cannot finish ${method}: the server was started again while it was under way`;
      const status = encodeError(new KuasarError("UNAVAILABLE", text));
      await this.#writer.write(streamId, FRAME_TYPE.response, 0, status);
      this.#lasting!.log.end(streamId);
    }
  }

  /** Ends the connection; `run` then returns. */
  close(): void {
    this.#stream.close();
  }

  #end(): void {
    const reason = new KuasarError("UNAVAILABLE", "Cannot go on: the ttrpc connection is closed");
    this.#writer.fail(reason);
    this.#stream.close();
    for (const { call, incoming } of this.#active.values()) {
      incoming?.fail(reason);
      call.cancel(reason);
    }
  }

  async #dispatch(frame: Frame): Promise<void> {
    const { streamId, type } = frame;
    if (type !== FRAME_TYPE.request && type !== FRAME_TYPE.data) {
      // Left alone like in Go's server, so that a newer peer may send kinds of frames that we do not know.
      this.#options.onProtocolError?.(
        new KuasarError("INVALID_ARGUMENT", `Cannot take a ttrpc frame of type ${type} on a server`),
      );
      return;
    }
    if (streamId % 2 !== 1) {
      return await this.#refuse(streamId, "INVALID_ARGUMENT", "stream ids of a client are odd");
    }
    if (type === FRAME_TYPE.data) return await this.#data(frame);
    if (streamId <= this.#lastStreamId) {
      // The process before this one has taken it and not come to say so to the kernel.
      if (streamId <= (this.#lasting?.state?.lastStreamId ?? 0)) return;
      return await this.#refuse(streamId, "INVALID_ARGUMENT", "stream ids grow and are never used again");
    }
    this.#lastStreamId = streamId;
    if (frame.oversizedBytes !== undefined) {
      const text = `the message has ${frame.oversizedBytes} bytes and at most 4 MiB are allowed`;
      return await this.#refuse(streamId, "RESOURCE_EXHAUSTED", text);
    }
    await this.#request(frame);
  }

  /** Answers a stream that has no handler. Waiting for the write bounds what a flood of bad frames can queue. */
  async #refuse(streamId: number, code: "INVALID_ARGUMENT" | "RESOURCE_EXHAUSTED", why: string) {
    const error = new KuasarError(code, `Cannot take ttrpc stream ${streamId}: ${why}`);
    this.#options.onProtocolError?.(error);
    await this.#writer.write(streamId, FRAME_TYPE.response, 0, encodeError(error));
  }

  async #request(frame: Frame): Promise<void> {
    const { streamId } = frame;
    let request: Request;
    try {
      request = Request.decode(frame.body);
    } catch (error) {
      return await this.#refuse(streamId, "INVALID_ARGUMENT", `the request is malformed: ${String(error)}`);
    }
    const limit = this.#options.maxStreams ?? 1024;
    if (this.#active.size >= limit) {
      return await this.#refuse(streamId, "RESOURCE_EXHAUSTED", `${limit} calls are open already`);
    }
    let method: ServedMethod;
    try {
      method = this.#methods.find(request.service, request.method);
    } catch (error) {
      return await this.#writer.write(streamId, FRAME_TYPE.response, 0, encodeError(error));
    }
    const incoming = method.stream
      ? new MessageQueue<unknown>(this.#options.maxQueuedMessages ?? 16)
      : undefined;
    const call = new Call(
      request.service,
      request.method,
      new Map(request.metadata.map(({ key, value }) => [key, value])),
      request.timeoutNano === 0n ? undefined : Math.max(0, Number(request.timeoutNano) / 1e6),
      {
        remember: (message) =>
          this.#lasting?.log.begin(streamId, Request.encode({ ...request, payload: message }).finish()),
        letGo: () => this.#letGo(streamId),
      },
    );
    const active: ActiveCall = { call, method, incoming };
    this.#lasting?.log.begin(streamId, frame.body);
    this.#active.set(streamId, active);
    void this.#run(streamId, active, request.payload);
    if (incoming && !(frame.flags & FLAG.remoteOpen)) incoming.end();
  }

  /** Runs the handler and answers; the call counts as open until its answer is written. */
  async #run(streamId: number, active: ActiveCall, payload: Uint8Array): Promise<void> {
    const { call, incoming } = active;
    try {
      if (incoming) await this.#streaming(streamId, active, incoming, payload);
      else await this.#unary(streamId, active, payload);
    } catch (error) {
      this.#options.onHandlerError?.(error, call.service, call.method);
      // The write fails only with the connection, whose end the reader sees.
      await this.#writer.write(streamId, FRAME_TYPE.response, 0, encodeError(error)).catch(() => {});
    } finally {
      const peerEnded = active.letGo || (incoming?.closed ?? true);
      incoming?.abandon();
      call.finish();
      this.#active.delete(streamId);
      this.#lasting?.log.end(streamId);
      if (incoming && this.#options.closeAfterStream?.(call.service)) this.#streamEnded(streamId, peerEnded);
    }
  }

  #letGo(streamId: number): void {
    const active = this.#active.get(streamId);
    if (active) active.letGo = true;
    else if (this.#halfOpen.has(streamId)) this.#streamEnded(streamId, true);
  }

  /** Closes the connection behind its last stream, not before the peer has ended that too: it may still want to write. */
  #streamEnded(streamId: number, peerEnded: boolean): void {
    if (!peerEnded) this.#halfOpen.add(streamId);
    else this.#halfOpen.delete(streamId);
    if (this.#active.size + this.#halfOpen.size === 0) this.close();
  }

  async #unary(streamId: number, { call, method }: ActiveCall, payload: Uint8Array): Promise<void> {
    const request = decode(method, payload);
    const response = await (method.handler as AnyUnary)(request, call);
    const parts = encodeOk(method.responseType.encode(response).finish(), call.method);
    await this.#writer.write(streamId, FRAME_TYPE.response, 0, parts).catch(() => {});
  }

  async #streaming(
    streamId: number,
    active: ActiveCall,
    incoming: MessageQueue<unknown>,
    payload: Uint8Array,
  ): Promise<void> {
    const { call, method } = active;
    // Containerd opens a stream with an empty payload; one that is not empty is its first message.
    if (payload.length > 0) void incoming.push(decode(method, payload));
    let over = false;
    const send = async (message: unknown): Promise<void> => {
      if (over) throw new KuasarError("FAILED_PRECONDITION", "Cannot send: the stream is over");
      const body = method.responseType.encode(message).finish();
      checkSize(body.length, call.method);
      await this.#writer.write(streamId, FRAME_TYPE.data, 0, [body]);
    };
    try {
      await (method.handler as AnyStream)(incoming, send, call);
    } finally {
      over = true;
    }
    if (active.failure) throw active.failure;
    const closing = FLAG.remoteClosed | FLAG.noData;
    await this.#writer.write(streamId, FRAME_TYPE.data, closing, [EMPTY]).catch(() => {});
  }

  async #data(frame: Frame): Promise<void> {
    const { streamId, flags } = frame;
    const active = this.#active.get(streamId);
    if (!active) {
      if (flags & FLAG.remoteClosed && this.#halfOpen.has(streamId)) return this.#streamEnded(streamId, true);
      // A peer may not have seen the end of the stream yet; only one that never was is a mistake.
      if (streamId <= this.#lastStreamId) return;
      return await this.#refuse(streamId, "INVALID_ARGUMENT", "data came before its request");
    }
    const { incoming, method } = active;
    if (!incoming) return;
    if (frame.oversizedBytes !== undefined) {
      const text = `Cannot take a message of ${frame.oversizedBytes} bytes: at most 4 MiB are allowed`;
      return failStream(active, new KuasarError("RESOURCE_EXHAUSTED", text));
    }
    // A message that is all defaults has no bytes; only the flag says that there is none.
    if (!(flags & FLAG.noData) && !(flags & FLAG.remoteClosed && frame.body.length === 0)) {
      try {
        await incoming.push(decode(method, frame.body));
      } catch (error) {
        return failStream(active, asKuasarError(error));
      }
    }
    if (flags & FLAG.remoteClosed) incoming.end();
  }
}

function failStream(active: ActiveCall, failure: KuasarError): void {
  active.failure ??= failure;
  active.incoming?.fail(failure);
  active.call.cancel(failure);
}

function decode(method: ServedMethod, payload: Uint8Array): unknown {
  try {
    return method.requestType.decode(payload);
  } catch (error) {
    throw new KuasarError("INVALID_ARGUMENT", `Cannot decode the message: ${asKuasarError(error).message}`, {
      cause: error,
    });
  }
}
