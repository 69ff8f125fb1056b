import * as sys from "../native/sys.js";

/** Told when an endpoint has nothing more to carry. */
export type OnDone = () => void;

/** One stdio stream of a process: its end in this machine, to be joined with a connection from the host. */
export interface Endpoint {
  /** Joins `connection`, which the endpoint then owns; an earlier connection is closed. */
  attach(connection: number): void;
  /** The host has no more input (Task.CloseIO); nothing to an output. */
  finish(): void;
  /** Ends everything. May be called twice. */
  close(): void;
}

/** A stream whose other end does not exist yet: what happens to it is remembered until {@link become}. */
export class PendingEndpoint implements Endpoint {
  #connection = -1;
  #finished = false;
  #closed = false;
  #endpoint: Endpoint | undefined;

  /** From now on all is up to `endpoint`. */
  become(endpoint: Endpoint): void {
    this.#endpoint = endpoint;
    const connection = this.#connection;
    this.#connection = -1;
    if (connection >= 0) endpoint.attach(connection);
    if (this.#finished) endpoint.finish();
    if (this.#closed) endpoint.close();
  }

  attach(connection: number): void {
    if (this.#endpoint) return this.#endpoint.attach(connection);
    if (this.#connection >= 0) finish(this.#connection);
    this.#connection = connection;
    if (this.#closed) this.close();
  }

  finish(): void {
    this.#finished = true;
    this.#endpoint?.finish();
  }

  close(): void {
    this.#closed = true;
    if (this.#connection >= 0) finish(this.#connection);
    this.#connection = -1;
    this.#endpoint?.close();
  }
}

/**
 * stdout or stderr: from a pipe or terminal to the host.
 *
 * Nothing is read before the host has come, so the process waits in its write when the pipe is full. Bytes that a broken
 * connection has not taken go to the next one first.
 */
export class OutputEndpoint implements Endpoint {
  readonly #source: number;
  readonly #onDone: OnDone;
  #relay = 0;
  #connection = -1;
  #pending: Uint8Array = new Uint8Array();
  #closed = false;

  /** @param source is owned: closed at its end of file, and with the endpoint */
  constructor(source: number, onDone: OnDone = () => {}) {
    this.#source = source;
    this.#onDone = onDone;
  }

  attach(connection: number): void {
    if (this.#closed) return finish(connection);
    this.#detach();
    this.#connection = connection;
    if (this.#pending.length > 0) this.#flush();
    else this.#join();
  }

  finish(): void {}

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#detach();
    sys.close(this.#source);
    this.#onDone();
  }

  #join(): void {
    this.#relay = sys.relay(this.#source, this.#connection, (end) => {
      this.#relay = 0;
      // The host's half is gone: the next connection goes on where this one stopped.
      if (end.reason === "sink") {
        this.#pending = end.undelivered;
        return this.#detach();
      }
      this.close();
    });
  }

  /** Writes what an earlier connection left, then goes on with the source. */
  #flush(): void {
    try {
      const count = sys.write(this.#connection, this.#pending);
      this.#pending = this.#pending.subarray(Math.max(count, 0));
    } catch {
      return this.#detach();
    }
    if (this.#pending.length === 0) {
      sys.unwatch(this.#connection);
      return this.#join();
    }
    sys.watch(this.#connection, sys.EPOLL.OUT, () => this.#flush());
  }

  #detach(): void {
    if (this.#relay !== 0) {
      const left = sys.cancelRelay(this.#relay);
      if (left.length > 0) this.#pending = left;
    }
    this.#relay = 0;
    if (this.#connection >= 0) finish(this.#connection);
    this.#connection = -1;
  }
}

/**
 * stdin: from the host to a pipe or terminal.
 *
 * The end of a connection alone is no end of file, since the host's side may have died and come back: stdin is closed when
 * the host has said so (CloseIO) and the bytes before it have arrived.
 */
export class InputEndpoint implements Endpoint {
  readonly #sink: number;
  #relay = 0;
  #connection = -1;
  #lastRequested = false;
  #drained = true;
  #closed = false;

  /** @param sink is owned: closed at the end of file, and with the endpoint */
  constructor(sink: number) {
    this.#sink = sink;
  }

  attach(connection: number): void {
    if (this.#closed) return finish(connection);
    this.#detach();
    this.#connection = connection;
    this.#drained = false;
    this.#relay = sys.relay(connection, this.#sink, (end) => {
      this.#relay = 0;
      this.#drained = true;
      this.#detach();
      // The process has closed its stdin: nobody will read any more.
      if (end.reason === "sink" || this.#lastRequested) this.close();
    });
  }

  /** End of file after what is under way (Task.CloseIO). */
  finish(): void {
    this.#lastRequested = true;
    if (this.#drained) this.close();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#detach();
    sys.close(this.#sink);
  }

  #detach(): void {
    if (this.#relay !== 0) sys.cancelRelay(this.#relay);
    this.#relay = 0;
    if (this.#connection >= 0) finish(this.#connection);
    this.#connection = -1;
  }
}

function finish(connection: number): void {
  sys.shutdown(connection, sys.SHUT.RDWR);
  sys.close(connection);
}
