import { checkArguments, COMMANDS } from "./schema.ts";
import { QmpError } from "./qmp_error.ts";

/** One read of the real one's socket holds one command and no more. */
const MAX_COMMAND_BYTES = 8192;

/** Commands in a second before the real one throttles. */
const COMMANDS_PER_SECOND = 100;

/** Runs a command whose arguments were checked. @throws {QmpError} */
export type Run = (command: string, args: Record<string, unknown>) => Promise<unknown>;

/**
 * The monitor with the manners of StratoVirt's: one client, one command per read, text ids, no id in the answer to what it
 * cannot read nor to `qmp_capabilities`. What a driver must never do ends the stand-in, so that a test sees it.
 */
export class QmpServer {
  readonly #listener: Deno.UnixListener;
  readonly #version: string;
  readonly #run: Run;
  #client: Deno.UnixConn | undefined;
  #second = 0;
  #count = 0;

  /** @throws where something is at `path` already */
  constructor(path: string, version: string, run: Run) {
    this.#listener = Deno.listen({ transport: "unix", path });
    this.#version = version;
    this.#run = run;
  }

  /** Serves until `close`. */
  async serve(): Promise<void> {
    for await (const conn of this.#listener) {
      // A new client takes the place of the old one.
      this.#hangUp();
      this.#client = conn;
      void this.#talk(conn);
    }
  }

  /** Events reach only whoever is connected. */
  event(name: string, data: Record<string, unknown>): void {
    const now = Date.now();
    const timestamp = { seconds: Math.floor(now / 1000), microseconds: now % 1000 * 1000 };
    void this.#send(this.#client, { event: name, data, timestamp });
  }

  close(): void {
    this.#hangUp();
    try {
      this.#listener.close();
    } catch {
      // Closed before.
    }
  }

  #hangUp(): void {
    try {
      this.#client?.close();
    } catch {
      // The client has.
    }
    this.#client = undefined;
  }

  async #talk(conn: Deno.UnixConn): Promise<void> {
    const version = { qemu: { micro: 1, minor: 0, major: 5 }, package: `StratoVirt-${this.#version}` };
    await this.#send(conn, { QMP: { version, capabilities: [] } });
    const buffer = new Uint8Array(MAX_COMMAND_BYTES);
    try {
      for (;;) {
        const count = await conn.read(buffer);
        if (count === null) return;
        await this.#answer(conn, new TextDecoder().decode(buffer.subarray(0, count)));
      }
    } catch {
      // The client has gone.
    }
  }

  async #answer(conn: Deno.UnixConn, text: string): Promise<void> {
    let id: string | undefined;
    try {
      const { execute, arguments: args, id: given, ...more } = parse(text);
      if (given !== undefined && typeof given !== "string") {
        throw new QmpError(`invalid type: ${JSON.stringify(given)}, expected a string`);
      }
      for (const key of Object.keys(more)) throw new QmpError(`unknown field \`${key}\``);
      const schema = COMMANDS[String(execute)];
      if (!schema) {
        throw new QmpError(`unknown variant \`${execute}\`, expected one of ${Object.keys(COMMANDS)}`);
      }
      const checked = checkArguments(schema, args);
      this.#throttle();
      id = execute === "qmp_capabilities" ? undefined : given as string;
      const value = await this.#run(String(execute), checked);
      await this.#send(conn, { return: value ?? {}, ...(id === undefined ? {} : { id }) });
    } catch (error) {
      const { message, className } = error instanceof QmpError ? error : new QmpError(String(error));
      await this.#send(conn, {
        error: { class: className, desc: message },
        ...(id === undefined ? {} : { id }),
      });
    }
  }

  #throttle(): void {
    const second = Math.floor(Date.now() / 1000);
    if (second !== this.#second) [this.#second, this.#count] = [second, 0];
    if (++this.#count > COMMANDS_PER_SECOND) {
      throw new QmpError("More than 100 requests per second", "OperationThrottled");
    }
  }

  async #send(conn: Deno.UnixConn | undefined, message: unknown): Promise<void> {
    try {
      await conn?.write(new TextEncoder().encode(JSON.stringify(message) + "\r\n"));
    } catch {
      // Gone.
    }
  }
}

/** One object; two in a read are no object. */
function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new QmpError((error as Error).message);
  }
}
