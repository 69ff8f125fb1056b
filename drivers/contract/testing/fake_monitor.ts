import type { QmpStream } from "../qmp/client.ts";

interface Request {
  execute: string;
  arguments: Record<string, unknown>;
  id: number | string;
}

/** A QMP monitor without a VMM: what it answers to a command is up to the class that extends it. */
export abstract class FakeMonitor implements QmpStream {
  /** The commands that came, in order. */
  readonly log: string[] = [];
  /** A command that fails the next time it comes. */
  failNext: string | undefined;
  #out: string[] = ['{"QMP":{"version":{},"capabilities":[]}}\n'];
  #wake = Promise.withResolvers<void>();
  #ended = false;

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#out.length === 0) {
      if (this.#ended) return null;
      this.#wake = Promise.withResolvers();
      await this.#wake.promise;
    }
    return new TextEncoder().encodeInto(this.#out.shift()!, into).written;
  }

  write(bytes: Uint8Array): Promise<number> {
    const request: Request = JSON.parse(new TextDecoder().decode(bytes));
    this.log.push(request.execute);
    try {
      if (this.failNext === request.execute) {
        this.failNext = undefined;
        throw new Error("told to fail");
      }
      this.#send({ return: this.run(request.execute, request.arguments) ?? {}, id: request.id });
    } catch (error) {
      const { message: desc, cause } = error as Error;
      this.#send({ error: { class: cause ?? "GenericError", desc }, id: request.id });
    }
    return Promise.resolve(bytes.length);
  }

  close(): void {
    this.#ended = true;
    this.#wake.resolve();
  }

  /** Sends an event. */
  event(event: string, data: Record<string, unknown>): void {
    this.#send({ event, data });
  }

  /** Answers one command. @throws Error with the class as its cause, for `GenericError` none */
  protected abstract run(command: string, args: Record<string, unknown>): unknown;

  #send(message: unknown): void {
    this.#out.push(JSON.stringify(message) + "\r\n");
    this.#wake.resolve();
  }
}
