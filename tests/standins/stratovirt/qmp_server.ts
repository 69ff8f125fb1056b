import { closeFd } from "../../../lib/libc/mod.ts";
import { type FdConn, FdListener } from "./fd_listener.ts";
import { checkArguments, type Command, COMMANDS } from "./schema.ts";
import { minorOf } from "./options.ts";
import { QmpError } from "./qmp_error.ts";

/** One read of the real one's socket holds one command and no more. */
const MAX_COMMAND_BYTES = 8192;

/** Commands in a second before the real one throttles. */
const COMMANDS_PER_SECOND = 100;

/** Events that wait for a slow client; one more and the first is lost. */
const MAX_EVENTS = 50;

/** Runs a command whose arguments were checked; descriptors that came with it are the callee's. @throws {QmpError} */
export type Run = (command: string, args: Record<string, unknown>, fds: number[]) => Promise<unknown>;

/** What the monitor is told of the program around it. */
export interface Surroundings {
  /** `2.5.0`. */
  version: string;
  run: Run;
  /**
   * Told of what the real one lets pass and a driver must never do: whoever sends before the answer to what it has sent, or
   * without having negotiated, works by luck.
   */
  violation(what: string): void;
}

/**
 * The monitor with the manners of StratoVirt's: one client, one command per read, text ids, no id in the answer to what it
 * cannot read nor to `qmp_capabilities`.
 */
export class QmpServer {
  readonly #listener: FdListener;
  readonly #sessions = new WeakMap<FdConn, Session>();
  readonly #around: Surroundings;
  #client: FdConn | undefined;
  #second = 0;
  #count = 0;
  #events: unknown[] = [];
  #sendingEvents = false;

  /** @throws where something is at `path` already, a stale socket too */
  constructor(path: string, around: Surroundings) {
    this.#listener = new FdListener(path);
    this.#around = around;
  }

  /** Serves until `close`. */
  async serve(): Promise<void> {
    await this.#listener.run({
      readBytes: MAX_COMMAND_BYTES,
      opened: (conn) => {
        // A new client takes the place of the old one.
        this.#client?.close();
        this.#client = conn;
        void this.#greet(conn);
      },
      received: (conn, bytes, fds) => this.#hear(conn, new TextDecoder().decode(bytes), fds),
    });
  }

  /** Events reach only whoever is connected, and not all of them who does not read. */
  event(name: string, data: Record<string, unknown>): void {
    if (!this.#client) return;
    const now = Date.now();
    const timestamp = { seconds: Math.floor(now / 1000), microseconds: now % 1000 * 1000 };
    this.#events.push({ event: name, data, timestamp });
    if (this.#events.length > MAX_EVENTS) this.#events.shift();
    void this.#sendEvents();
  }

  async #sendEvents(): Promise<void> {
    if (this.#sendingEvents) return;
    this.#sendingEvents = true;
    for (let next = this.#events.shift(); next; next = this.#events.shift()) {
      await this.#send(this.#client, next);
    }
    this.#sendingEvents = false;
  }

  close(): void {
    this.#client?.close();
    this.#listener.close();
  }

  async #greet(conn: FdConn): Promise<void> {
    this.#sessions.set(conn, { negotiated: false, busy: false });
    const version = { qemu: { micro: 1, minor: 0, major: 5 }, package: `StratoVirt-${this.#around.version}` };
    await this.#send(conn, { QMP: { version, capabilities: [] } });
  }

  #hear(conn: FdConn, text: string, fds: number[]): void {
    const session = this.#sessions.get(conn)!;
    if (session.busy) this.#around.violation("a command came before the answer to the one before it");
    session.busy = true;
    void this.#answer(conn, text, session, fds);
  }

  async #answer(conn: FdConn, text: string, session: Session, fds: number[]): Promise<void> {
    const reply = await this.#reply(text, session, fds);
    // What no command has taken.
    fds.forEach(closeFd);
    // Whoever has the answer may send at once.
    session.busy = false;
    await this.#send(conn, reply);
  }

  async #reply(text: string, session: Session, fds: number[]): Promise<unknown> {
    let id: string | undefined;
    try {
      const { execute, arguments: args, id: given, ...more } = parse(text);
      if (given !== undefined && typeof given !== "string") {
        throw new QmpError(`invalid type: ${JSON.stringify(given)}, expected a string`);
      }
      for (const key of Object.keys(more)) throw new QmpError(`unknown field \`${key}\``);
      const name = String(execute);
      const command = this.#command(name);
      const checked = checkArguments(command.arguments, args);
      this.#throttle();
      if (name === "qmp_capabilities") session.negotiated = true;
      else {
        id = given;
        if (!session.negotiated) this.#around.violation(`${name} came before qmp_capabilities`);
      }
      if (command.missing) throw new QmpError(`Stand-in: ${name} is not implemented`);
      const value = command.stub ? [] : await this.#around.run(name, checked, fds);
      return { return: value ?? {}, ...(id === undefined ? {} : { id }) };
    } catch (error) {
      const { message, className } = error instanceof QmpError ? error : new QmpError(String(error));
      return { error: { class: className, desc: message }, ...(id === undefined ? {} : { id }) };
    }
  }

  #command(name: string): Command {
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (command && minorOf(this.#around) >= (command.since ?? 1)) return command;
    // Not CommandNotFound, as QEMU's would be.
    throw new QmpError(`unknown variant \`${name}\`, expected one of ${Object.keys(COMMANDS).join(", ")}`);
  }

  #throttle(): void {
    const second = Math.floor(Date.now() / 1000);
    if (second !== this.#second) [this.#second, this.#count] = [second, 0];
    if (++this.#count > COMMANDS_PER_SECOND) {
      throw new QmpError("More than 100 requests per second", "OperationThrottled");
    }
  }

  async #send(conn: FdConn | undefined, message: unknown): Promise<void> {
    try {
      conn?.send(new TextEncoder().encode(JSON.stringify(message) + "\r\n"));
    } catch {
      // Gone.
    }
    // What happens meanwhile waits for its turn.
    await Promise.resolve();
  }
}

/** What one client has said so far. */
interface Session {
  negotiated: boolean;
  /** True while a command of its is not answered. */
  busy: boolean;
}

/** One object; two in a read are no object. */
function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new QmpError((error as Error).message);
  }
}
