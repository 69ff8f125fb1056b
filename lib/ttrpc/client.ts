import { asKuasarError, formatDuration, KuasarError } from "../errors/mod.ts";
import type { ByteStream } from "./byte_stream.ts";
import { ClientStream } from "./client_stream.ts";
import { decodeMessage, decodeResponse } from "./answer.ts";
import type { MethodDefinition, RequestOf, ResponseOf } from "./definition.ts";
import { encodeRequest } from "./envelope.ts";
import { FLAG, type Frame, FRAME_TYPE, MAX_STREAM_ID } from "./frame.ts";
import { type FrameLimits, FrameReader } from "./frame_reader.ts";
import { FrameWriter } from "./frame_writer.ts";
import { after } from "./timer.ts";

/** What a caller may say about one call. */
export interface CallOptions {
  /** The call fails with DEADLINE_EXCEEDED after this time; the server is told it too. No limit without it. */
  timeoutMs?: number | undefined;
  /** For example `containerd-namespace-ttrpc`. */
  metadata?: ReadonlyMap<string, string> | undefined;
}

/** What a client takes of its server. */
export interface ClientLimits extends FrameLimits {
  /** Told of each frame; reading goes on when what it returns is done. */
  onFrame?: () => Promise<void> | undefined;
}

/** What an open stream id waits for. */
export interface Pending {
  /** A frame with this stream id; what it returns holds the connection's reader back. */
  onFrame(frame: Frame): Promise<void> | undefined;
  onLost(error: KuasarError): void;
}

/**
 * A ttrpc client on one connection, which it owns.
 *
 * Any number of calls may be open. When the connection ends, all of them fail with UNAVAILABLE and so does
 * every later one. Late answers to calls that were given up are dropped: ttrpc knows no cancel.
 */
export class TtrpcClient {
  /** Resolves when the connection has ended, for whatever reason. */
  readonly closed: Promise<void>;
  readonly #stream: ByteStream;
  readonly #limits: ClientLimits;
  readonly #writer: FrameWriter;
  readonly #pending = new Map<number, Pending>();
  #nextStreamId = 1;
  #failure: KuasarError | undefined;

  /** @param limits for a server that is not trusted */
  constructor(stream: ByteStream, limits: ClientLimits = {}) {
    this.#stream = stream;
    this.#limits = limits;
    this.#writer = new FrameWriter(stream);
    this.closed = this.#read();
  }

  /** Calls that wait for an answer and streams that are open. */
  get openCalls(): number {
    return this.#pending.size;
  }

  /**
   * Makes one unary call.
   *
   * @throws the server's status; UNAVAILABLE when the connection is lost, DEADLINE_EXCEEDED after `timeoutMs`,
   *   RESOURCE_EXHAUSTED when the request does not fit into a frame
   */
  async call<M extends MethodDefinition>(
    service: string,
    method: M,
    request: RequestOf<M>,
    options: CallOptions = {},
  ): Promise<ResponseOf<M>> {
    const head = { service, method: method.name, ...options };
    const parts = encodeRequest(head, method.requestType.encode(request).finish());
    const frame = await this.#exchange(parts, head);
    return decodeMessage(method, decodeResponse(frame, head.method)) as ResponseOf<M>;
  }

  /**
   * Opens a stream, open in both directions.
   *
   * Messages of the server that nobody reads hold back everything on the connection: use one connection per
   * stream where that matters.
   *
   * @throws UNAVAILABLE when the connection is lost
   */
  stream<M extends MethodDefinition>(
    service: string,
    method: M,
    options: CallOptions = {},
  ): ClientStream<RequestOf<M>, ResponseOf<M>> {
    const parts = encodeRequest({ service, method: method.name, ...options }, new Uint8Array(0));
    const streamId = this.#allocate();
    const stream = new ClientStream<RequestOf<M>, ResponseOf<M>>(streamId, method, this.#writer, () => {
      this.#pending.delete(streamId);
    });
    this.#pending.set(streamId, stream);
    void this.#writer.write(streamId, FRAME_TYPE.request, FLAG.remoteOpen, parts);
    return stream;
  }

  /** Closes the connection; open calls fail with UNAVAILABLE. May be repeated. */
  close(): void {
    this.#lose(new KuasarError("UNAVAILABLE", "Cannot call: the ttrpc client is closed"));
  }

  #exchange(parts: Uint8Array[], { method, timeoutMs }: { method: string } & CallOptions): Promise<Frame> {
    const streamId = this.#allocate();
    return new Promise<Frame>((resolve, reject) => {
      const stopTimer = timeoutMs === undefined ? () => {} : after(timeoutMs, () => {
        this.#pending.delete(streamId);
        reject(
          new KuasarError(
            "DEADLINE_EXCEEDED",
            `Cannot finish ${method}: no answer within ${formatDuration(timeoutMs)}`,
          ),
        );
      });
      const finish = (settle: () => void) => {
        stopTimer();
        this.#pending.delete(streamId);
        settle();
      };
      this.#pending.set(streamId, {
        onFrame: (frame) => {
          finish(() => resolve(frame));
          return undefined;
        },
        onLost: (error) => finish(() => reject(error)),
      });
      void this.#writer.write(streamId, FRAME_TYPE.request, 0, parts);
    });
  }

  #allocate(): number {
    if (this.#failure) throw this.#failure;
    const streamId = this.#nextStreamId;
    if (streamId > MAX_STREAM_ID) {
      this.#lose(new KuasarError("UNAVAILABLE", "Cannot call: the connection has used all its stream ids"));
      throw this.#failure;
    }
    this.#nextStreamId += 2;
    return streamId;
  }

  async #read(): Promise<void> {
    const reader = new FrameReader(this.#stream, this.#limits);
    let reason = "the peer closed it";
    try {
      while (true) {
        const frame = await reader.next();
        if (!frame) break;
        // Nobody waits any more for an unknown stream: its deadline is over or it is closed.
        await this.#pending.get(frame.streamId)?.onFrame(frame);
        await this.#limits.onFrame?.();
      }
    } catch (error) {
      reason = asKuasarError(error).message;
    }
    this.#lose(new KuasarError("UNAVAILABLE", `Cannot go on: the ttrpc connection ended: ${reason}`));
  }

  #lose(error: KuasarError): void {
    if (this.#failure) return;
    this.#failure = error;
    this.#writer.fail(error);
    this.#stream.close();
    for (const pending of [...this.#pending.values()]) pending.onLost(error);
    this.#pending.clear();
  }
}
