import { asKuasarError, type ErrorCode, KuasarError } from "../../../lib/errors/mod.ts";
import { withDeadline } from "../deadline.ts";
import { DescriptorStream } from "./descriptor_stream.ts";
import { QmpLines } from "./lines.ts";

/** The commands of a monitor, with the exact shape of their arguments and answers. */
export type QmpCommandTable<C> = { [N in keyof C]: { args: object; returns: unknown } };

/** An event as it arrives. */
export interface QmpEvent {
  event: string;
  data: Record<string, unknown>;
}

/** What a monitor speaks over: a unix connection, or anything like it in tests. */
export interface QmpStream {
  read(into: Uint8Array): Promise<number | null>;
  /** @param fds travel with the first byte; the caller keeps its own */
  write(bytes: Uint8Array, fds?: readonly number[]): Promise<number>;
  close(): void;
}

/** How a VMM's monitor differs from QEMU's. */
export interface QmpDialect {
  /**
   * The monitor takes one command at a time, each with a text as its id, and answers some without an id: the
   * negotiation, and what it cannot read (StratoVirt).
   */
  oneAtATime: boolean;
}

const QEMU: QmpDialect = { oneAtATime: false };

interface Pending {
  command: string;
  resolve(value: unknown): void;
  reject(error: KuasarError): void;
}

/** A wait for an event that was begun before its cause was sent, so that the event cannot slip by. */
export interface ExpectedEvent {
  readonly arrived: Promise<QmpEvent>;
  cancel(): void;
}

/** Time a command may take where the caller says nothing: QEMU answers from its main loop, or it hangs. */
const COMMAND_TIMEOUT_MS = 5_000;

const ERROR_CODES: Record<string, ErrorCode> = {
  CommandNotFound: "UNIMPLEMENTED",
  DeviceNotFound: "NOT_FOUND",
  DeviceNotActive: "FAILED_PRECONDITION",
  KVMMissingCap: "FAILED_PRECONDITION",
};

/**
 * One negotiated connection to the monitor of a VMM process, whose commands are `C`.
 *
 * A live process is not a live monitor (it may be stopped by a signal), so every command has a deadline.
 * After the connection is lost every command fails with UNAVAILABLE.
 */
export class QmpClient<C extends QmpCommandTable<C>> {
  readonly #stream: QmpStream;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Set<(event: QmpEvent) => void>();
  readonly #closed = Promise.withResolvers<void>();
  readonly #greeted = Promise.withResolvers<void>();
  #failure: KuasarError | undefined;
  #nextId = 1;
  #writing: Promise<void> = Promise.resolve();
  /** The command before, where only one may be under way. */
  #turn: Promise<unknown> = Promise.resolve();
  readonly #dialect: QmpDialect;

  private constructor(stream: QmpStream, dialect: QmpDialect) {
    this.#stream = stream;
    this.#dialect = dialect;
    this.#greeted.promise.catch(() => {});
    void this.#readLoop();
  }

  /**
   * Connects to the monitor at `path` and negotiates.
   *
   * @throws {KuasarError} UNAVAILABLE where nobody listens, DEADLINE_EXCEEDED where nobody answers
   */
  static async connect<C extends QmpCommandTable<C>>(
    path: string,
    timeoutMs = COMMAND_TIMEOUT_MS,
    dialect = QEMU,
  ): Promise<QmpClient<C>> {
    let stream: QmpStream;
    try {
      stream = await DescriptorStream.connect(path);
    } catch (cause) {
      throw new KuasarError(
        "UNAVAILABLE",
        `Cannot connect to QMP at ${path}: ${asKuasarError(cause).message}`,
        {
          cause,
        },
      );
    }
    return await QmpClient.over<C>(stream, timeoutMs, dialect);
  }

  /** Negotiates over an open stream, which the client closes from then on, also where this fails. */
  static async over<C extends QmpCommandTable<C>>(
    stream: QmpStream,
    timeoutMs = COMMAND_TIMEOUT_MS,
    dialect = QEMU,
  ): Promise<QmpClient<C>> {
    const client = new QmpClient<C>(stream, dialect);
    try {
      await withDeadline(client.#greeted.promise, timeoutMs, "negotiate QMP");
      await client.#run("qmp_capabilities", {}, timeoutMs, []);
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  /** Settles when the connection has ended, for whatever reason. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /**
   * Runs one command.
   *
   * @param fds descriptors that travel with it; the caller keeps its own
   * @throws {KuasarError} DEADLINE_EXCEEDED; UNAVAILABLE after the connection is lost; else what the VMM says
   */
  async execute<N extends keyof C & string>(
    command: N,
    args: C[N]["args"],
    timeoutMs = COMMAND_TIMEOUT_MS,
    fds: readonly number[] = [],
  ): Promise<C[N]["returns"]> {
    return await this.#run(command, args, timeoutMs, fds);
  }

  #run(command: string, args: object, timeoutMs: number, fds: readonly number[]): Promise<unknown> {
    if (!this.#dialect.oneAtATime) return this.#send(command, args, timeoutMs, fds);
    const own = this.#turn.then(() => this.#send(command, args, timeoutMs, fds));
    this.#turn = own.catch(() => {});
    return own;
  }

  async #send(
    command: string,
    args: object,
    timeoutMs: number,
    fds: readonly number[],
  ): Promise<unknown> {
    if (this.#failure) throw this.#failure;
    const id = this.#nextId++;
    const reply = Promise.withResolvers<unknown>();
    this.#pending.set(id, { command, resolve: reply.resolve, reject: reply.reject });
    // A late answer finds its id gone and is dropped.
    try {
      const text = JSON.stringify({
        execute: command,
        arguments: args,
        id: this.#dialect.oneAtATime ? String(id) : id,
      }) + "\n";
      this.#writing = this.#writing.then(() => this.#writeAll(new TextEncoder().encode(text), fds));
      return await withDeadline(reply.promise, timeoutMs, `run QMP ${command}`);
    } finally {
      this.#pending.delete(id);
    }
  }

  /** Begins to wait for the next event that `matches`; `arrived` fails when the time or the connection ends. */
  expect(matches: (event: QmpEvent) => boolean, timeoutMs: number, what: string): ExpectedEvent {
    const found = Promise.withResolvers<QmpEvent>();
    const listener = (event: QmpEvent) => {
      if (matches(event)) found.resolve(event);
    };
    this.#listeners.add(listener);
    const lost = this.#closed.promise.then((): never => {
      throw this.#failure ?? connectionLost();
    });
    lost.catch(() => {});
    const arrived = withDeadline(Promise.race([found.promise, lost]), timeoutMs, what)
      .finally(() => this.#listeners.delete(listener));
    arrived.catch(() => {});
    return {
      arrived,
      cancel: () => found.resolve({ event: "", data: {} }),
    };
  }

  /** Calls `listener` for every event until the connection ends. */
  onEvent(listener: (event: QmpEvent) => void): void {
    this.#listeners.add(listener);
  }

  /** Ends the connection; QEMU goes on. May be repeated. */
  close(): void {
    this.#fail(connectionLost());
  }

  async #readLoop(): Promise<void> {
    const lines = new QmpLines();
    const buffer = new Uint8Array(64 * 1024);
    try {
      while (!this.#failure) {
        const count = await this.#stream.read(buffer);
        if (count === null) break;
        for (const message of lines.push(buffer.subarray(0, count))) this.#dispatch(message);
      }
      this.#fail(connectionLost());
    } catch (error) {
      this.#fail(error instanceof KuasarError ? error : connectionLost(error));
    }
  }

  #dispatch(message: Record<string, unknown>): void {
    if ("QMP" in message) return this.#greeted.resolve();
    if (typeof message.event === "string") {
      const event = { event: message.event, data: (message.data ?? {}) as Record<string, unknown> };
      for (const listener of [...this.#listeners]) listener(event);
      return;
    }
    const pending = this.#pendingOf(message);
    if (!pending) return;
    if ("error" in message) {
      const { class: name = "GenericError", desc = "" } = message.error as { class?: string; desc?: string };
      pending.reject(
        new KuasarError(
          ERROR_CODES[name] ?? "INTERNAL",
          `Cannot run QMP ${pending.command}: ${desc} (${name})`,
        ),
      );
    } else pending.resolve(message.return);
  }

  #pendingOf({ id }: Record<string, unknown>): Pending | undefined {
    if (!this.#dialect.oneAtATime) return typeof id === "number" ? this.#pending.get(id) : undefined;
    return typeof id === "string" ? this.#pending.get(Number(id)) : this.#pending.values().next().value;
  }

  async #writeAll(bytes: Uint8Array, fds: readonly number[]): Promise<void> {
    try {
      for (let at = 0; at < bytes.length;) {
        at += await this.#stream.write(bytes.subarray(at), at === 0 ? fds : []);
      }
    } catch (error) {
      this.#fail(connectionLost(error));
    }
  }

  #fail(reason: KuasarError): void {
    if (this.#failure) return;
    this.#failure = reason;
    try {
      this.#stream.close();
    } catch {
      // Closed by the other side already.
    }
    for (const pending of this.#pending.values()) pending.reject(reason);
    this.#pending.clear();
    this.#greeted.reject(reason);
    this.#closed.resolve();
  }
}

function connectionLost(cause?: unknown): KuasarError {
  return new KuasarError("UNAVAILABLE", "Cannot talk to QMP: the connection has ended", { cause });
}
