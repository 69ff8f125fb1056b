import net from "node:net";
import { asKuasarError, KuasarError } from "../../../lib/errors/mod.ts";
import { KeyedLock } from "../../../lib/concurrency/mod.ts";
import { withDeadline } from "../deadline.ts";
import { sendOver } from "../send_descriptors.ts";
import { type HttpResponse, HttpResponses } from "./response.ts";

/** The servers of micro_http, which all of these VMMs have, read bodies up to this size. */
const MAX_BODY_BYTES = 51_200;

/** One request. */
export interface RestRequest {
  method: "GET" | "PUT" | "PATCH" | "DELETE";
  /** `/api/v1/vm.info`; no query string, which the server would take for a part of the name. */
  path: string;
  /** Sent as JSON. */
  body?: unknown;
  /** Descriptors that travel with the request; the caller keeps its copies. */
  fds?: readonly number[];
}

/**
 * HTTP over the unix socket of one VMM. The VMM answers from one thread, so requests go one after the other over one
 * connection, which is opened when it is needed and given up when an answer does not come in time.
 */
export class RestClient {
  readonly #title: string;
  readonly #path: string;
  readonly #order = new KeyedLock();
  #connection: Connection | undefined;
  #closed = false;

  /**
   * @param title of the VMM in messages: `Cloud Hypervisor`
   * @param path of its API socket
   */
  constructor(title: string, path: string) {
    this.#title = title;
    this.#path = path;
  }

  /**
   * Sends a request and answers with whatever status comes back.
   *
   * @throws {KuasarError} DEADLINE_EXCEEDED; UNAVAILABLE where nobody listens or the connection is lost
   */
  request(request: RestRequest, timeoutMs: number): Promise<HttpResponse> {
    // The time of those before counts as well: nobody waits longer than was said.
    const answer = this.#order.run("connection", () => this.#exchange(request, timeoutMs));
    return withDeadline(answer, timeoutMs, this.#what(request));
  }

  async #exchange(request: RestRequest, timeoutMs: number): Promise<HttpResponse> {
    if (this.#closed) throw lost(this.#title, "it was closed");
    this.#connection ??= await Connection.open(this.#title, this.#path);
    const connection = this.#connection;
    try {
      const answer = await withDeadline(
        connection.exchange(request),
        timeoutMs,
        this.#what(request),
      );
      if (answer.last) this.#drop(connection);
      return answer;
    } catch (error) {
      // A late answer would be taken for that of the next request.
      this.#drop(connection);
      throw error;
    }
  }

  #what({ method, path }: RestRequest): string {
    return `ask ${this.#title}: ${method} ${path}`;
  }

  #drop(connection: Connection): void {
    connection.close();
    if (this.#connection === connection) this.#connection = undefined;
  }

  /** Ends the connection; the VMM goes on. May be repeated. */
  close(): void {
    this.#closed = true;
    this.#connection?.close();
    this.#connection = undefined;
  }
}

class Connection {
  readonly #title: string;
  readonly #socket: net.Socket;
  #waiting: PromiseWithResolvers<HttpResponse> | undefined;
  #failure: KuasarError | undefined;

  private constructor(title: string, socket: net.Socket) {
    this.#title = title;
    this.#socket = socket;
    const responses = new HttpResponses(title);
    socket.on("data", (chunk: Uint8Array) => {
      try {
        for (const response of responses.push(chunk)) {
          this.#waiting?.resolve(response);
          this.#waiting = undefined;
        }
      } catch (error) {
        this.#fail(asKuasarError(error));
      }
    });
    socket.on("error", (error) => this.#fail(lost(this.#title, error.message)));
    socket.on("close", () => this.#fail(lost(this.#title, "it was closed by the other end")));
  }

  static async open(title: string, path: string): Promise<Connection> {
    const socket = net.connect(path);
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", (error) => reject(lost(title, error.message)));
    });
    return new Connection(title, socket);
  }

  async exchange(request: RestRequest): Promise<HttpResponse> {
    if (this.#failure) throw this.#failure;
    const waiting = Promise.withResolvers<HttpResponse>();
    waiting.promise.catch(() => {});
    this.#waiting = waiting;
    const bytes = encode(this.#title, request);
    const { fds = [] } = request;
    if (fds.length === 0) this.#socket.write(bytes);
    else this.#sendWith(fds, bytes);
    return await waiting.promise;
  }

  /** Nothing of an earlier request is still to be written: its answer has come. */
  #sendWith(fds: readonly number[], bytes: Uint8Array<ArrayBuffer>): void {
    const sent = sendOver(this.#socket, bytes, fds);
    if (sent < bytes.length) this.#socket.write(bytes.subarray(sent));
  }

  close(): void {
    this.#fail(lost(this.#title, "it was closed"));
  }

  #fail(error: KuasarError): void {
    this.#failure ??= error;
    this.#waiting?.reject(this.#failure);
    this.#waiting = undefined;
    this.#socket.destroy();
  }
}

function encode(title: string, { method, path, body }: RestRequest): Uint8Array<ArrayBuffer> {
  const content = body === undefined ? new Uint8Array(0) : new TextEncoder().encode(JSON.stringify(body));
  if (content.length > MAX_BODY_BYTES) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot ask ${title}: the body has ${content.length} bytes, the limit is ${MAX_BODY_BYTES}`,
    );
  }
  // A request without a body must not look as if it had one.
  const headers = body === undefined
    ? []
    : ["Content-Type: application/json", `Content-Length: ${content.length}`];
  const head = [`${method} ${path} HTTP/1.1`, "Host: localhost", "Accept: application/json", ...headers];
  const start = new TextEncoder().encode(head.join("\r\n") + "\r\n\r\n");
  const bytes = new Uint8Array(start.length + content.length);
  bytes.set(start);
  bytes.set(content, start.length);
  return bytes;
}

function lost(title: string, reason: string): KuasarError {
  return new KuasarError("UNAVAILABLE", `Cannot talk to ${title}: ${reason}`);
}
