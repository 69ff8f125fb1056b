import { formatDuration, KuasarError } from "../errors/mod.ts";
import { after } from "./timer.ts";

/** What a handler knows about its call. QuickJS has no AbortSignal, so cancellation is told by listeners. */
export interface CallContext {
  /** Full name under which the service was called. */
  readonly service: string;
  readonly method: string;
  readonly metadata: ReadonlyMap<string, string>;
  /** Time that the caller gave, in ms counted from the arrival of the request; undefined without a limit. */
  readonly deadlineMs: number | undefined;
  /** True once the deadline is over or the connection is gone: nobody waits for the answer any more. */
  readonly cancelled: boolean;
  /** Calls `listener` once on cancellation, at once where it has happened; returns a way to take it back. */
  onCancel(listener: (reason: KuasarError) => void): () => void;
  /**
   * Where the connection outlives this process: the process that goes on with this stream gets `message` as its first one, instead
   * of those that have been read by then.
   */
  remember(message: Uint8Array): void;
  /** The peer's end of this stream is not waited for before its connection is closed (`ServerOptions.closeAfterStream`). */
  letGo(): void;
}

/** What only the connection can do for a call. */
export type StreamCalls = Pick<CallContext, "remember" | "letGo">;

/** The server's side of a `CallContext`. */
export class Call implements CallContext {
  readonly service: string;
  readonly method: string;
  readonly metadata: ReadonlyMap<string, string>;
  readonly deadlineMs: number | undefined;
  readonly #stream: StreamCalls | undefined;
  #reason: KuasarError | undefined;
  readonly #listeners = new Set<(reason: KuasarError) => void>();
  readonly #stopTimer: () => void;

  constructor(
    service: string,
    method: string,
    metadata: ReadonlyMap<string, string>,
    deadlineMs: number | undefined,
    stream?: StreamCalls,
  ) {
    this.#stream = stream;
    this.service = service;
    this.method = method;
    this.metadata = metadata;
    this.deadlineMs = deadlineMs;
    this.#stopTimer = deadlineMs === undefined ? () => {} : after(deadlineMs, () =>
      this.cancel(
        new KuasarError(
          "DEADLINE_EXCEEDED",
          `Cannot finish ${method}: its ${formatDuration(deadlineMs)} are over`,
        ),
      ));
  }

  get cancelled(): boolean {
    return this.#reason !== undefined;
  }

  onCancel(listener: (reason: KuasarError) => void): () => void {
    if (this.#reason) {
      listener(this.#reason);
      return () => {};
    }
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  remember(message: Uint8Array): void {
    this.#stream?.remember(message);
  }

  letGo(): void {
    this.#stream?.letGo();
  }

  /** Tells every listener, once. */
  cancel(reason: KuasarError): void {
    if (this.#reason) return;
    this.#reason = reason;
    this.#stopTimer();
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener(reason);
  }

  /** Forgets timer and listeners of a call that is answered. */
  finish(): void {
    this.#stopTimer();
    this.#listeners.clear();
  }
}
