import type { KuasarError } from "../errors/mod.ts";
import type { ByteStream } from "./byte_stream.ts";
import type { LastingConnection } from "./call_log.ts";
import type { Handlers, ServiceDefinition } from "./definition.ts";
import { MethodTable } from "./method_table.ts";
import { ServerConnection } from "./server_connection.ts";

/** Bounds and observers of a server. */
export interface ServerOptions {
  /** Calls of one connection that may be open at once; one more is refused. Default 1024. */
  maxStreams?: number;
  /** Messages of one stream that wait for their handler before the connection's reader does. Default 16. */
  maxQueuedMessages?: number;
  /**
   * Whether a connection ends once both sides have ended its last stream of this service, for peers that open a connection for
   * each and never close it. Default: no.
   */
  closeAfterStream?: (service: string) => boolean;
  /** Told when a peer breaks the protocol or its connection breaks; the text is for a log. */
  onProtocolError?: (error: KuasarError) => void;
  /** Told what a handler threw, which the peer gets as a status. */
  onHandlerError?: (error: unknown, service: string, method: string) => void;
}

/** A ttrpc server: one table of methods for any number of connections. */
export class TtrpcServer {
  readonly #methods = new MethodTable();
  readonly #connections = new Set<ServerConnection>();
  readonly #options: ServerOptions;
  #closed = false;

  constructor(options: ServerOptions = {}) {
    this.#options = options;
  }

  /**
   * Registers the handlers of a service, also under the name `alias.fullName` where it is given
   * (`containerd.task.v2.Task` and `containerd.task.v3.Task` share their messages).
   */
  add<D extends ServiceDefinition>(definition: D, handlers: Handlers<D>, alias?: { fullName: string }): void {
    this.#methods.add(definition, handlers, definition.fullName);
    if (alias) this.#methods.add(definition, handlers, alias.fullName);
  }

  /**
   * Serves one connection until it ends, then closes it. Never rejects: errors go to the observers.
   *
   * @param lasting for a connection that outlives this process
   */
  async serve(stream: ByteStream, lasting?: LastingConnection): Promise<void> {
    if (this.#closed) return stream.close();
    const connection = new ServerConnection(stream, this.#methods, this.#options, lasting);
    this.#connections.add(connection);
    try {
      await connection.run();
    } finally {
      this.#connections.delete(connection);
    }
  }

  /** Closes every connection and those to come; calls that are under way are cancelled. */
  close(): void {
    this.#closed = true;
    for (const connection of this.#connections) connection.close();
  }
}
