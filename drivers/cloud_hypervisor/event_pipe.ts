import type net from "node:net";
import { asKuasarError } from "../../lib/errors/mod.ts";
import { makePipe, openPipe } from "../contract/named_pipe.ts";
import { EventStream, type VmmEvent } from "./event_stream.ts";

/**
 * The event monitor of a VMM, through a named pipe: the VMM holds both ends of it, so that it goes on when the driver
 * dies (what does not fit is dropped) and the next driver process reads on. It ends with the VMM.
 */
export class EventPipe {
  readonly #socket: net.Socket;
  readonly #listeners = new Set<(event: VmmEvent) => void>();
  /** Settles when the VMM is gone and everything is read, or after `close`. */
  readonly ended: Promise<void>;

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    const stream = new EventStream();
    this.#socket.on("data", (chunk: Uint8Array) => {
      for (const event of stream.push(chunk)) {
        for (const listener of [...this.#listeners]) listener(event);
      }
    });
    this.#socket.on("error", () => this.#socket.destroy());
    this.ended = new Promise((resolve) => this.#socket.once("close", () => resolve()));
  }

  /**
   * Makes the pipe.
   *
   * @returns the descriptor that the VMM inherits; the caller closes it
   * @throws {KuasarError} INTERNAL
   */
  static make(path: string): number {
    try {
      return makePipe(path);
    } catch (error) {
      throw asKuasarError(error, `Cannot make the event pipe ${path}`);
    }
  }

  /** Reads a pipe that a VMM holds. @throws {KuasarError} INTERNAL where there is none */
  static open(path: string): EventPipe {
    try {
      return new EventPipe(openPipe(path));
    } catch (error) {
      throw asKuasarError(error, `Cannot read the event pipe ${path}`);
    }
  }

  /** Calls `listener` for every event from now on. @returns a function that stops it */
  onEvent(listener: (event: VmmEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** May be repeated. */
  close(): void {
    this.#socket.destroy();
  }
}
