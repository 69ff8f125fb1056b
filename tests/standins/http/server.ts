import {
  acceptSocket,
  closeFd,
  EPOLL,
  epollAdd,
  epollCreate,
  epollRemove,
  epollWait,
  receiveDescriptors,
  sendBytes,
} from "../../../lib/libc/mod.ts";
import { type HttpRequest, HttpRequests, MalformedRequest } from "./request.ts";

/** What a handler answers. */
export interface HttpAnswer {
  status: number;
  /** Sent as JSON text; undefined for no body at all. */
  body?: string;
  /** True where nobody is served any more behind it. */
  last?: true;
}

/** Answers one request; `fds` came with its bytes and are the handler's from then on. */
export type Handler = (request: HttpRequest, fds: number[]) => Promise<HttpAnswer>;

const MAX_CONNECTIONS = 10;
const MAX_FDS = 253;
const LISTENER_TOKEN = 0;
const READ_BYTES = 16 * 1024;

interface Connection {
  fd: number;
  requests: HttpRequests;
  fds: number[];
}

/**
 * An HTTP server like those of VMMs with micro_http, Firecracker and Cloud Hypervisor: one thread for all connections, so that a long request makes every other
 * one wait; descriptors travel with the bytes of a request.
 */
export class ApiServer {
  readonly #name: string;
  readonly #listener: number;
  readonly #epoll = epollCreate();
  readonly #connections = new Map<number, Connection>();
  readonly #handle: Handler;
  #nextToken = LISTENER_TOKEN + 1;

  /**
   * @param name in the header `Server`: `Cloud Hypervisor API`
   * @param listener a listening unix socket, taken over
   */
  constructor(name: string, listener: number, handle: Handler) {
    this.#name = name;
    this.#listener = listener;
    this.#handle = handle;
    epollAdd(this.#epoll, listener, EPOLL.IN, LISTENER_TOKEN);
  }

  /** Serves without end. */
  async run(): Promise<never> {
    while (true) {
      for (const token of await epollWait(this.#epoll, MAX_CONNECTIONS + 1, -1)) {
        if (token === LISTENER_TOKEN) this.#accept();
        else await this.#serve(token);
      }
    }
  }

  /** Closes every connection, and serves none from then on. */
  close(): void {
    for (const token of [...this.#connections.keys()]) this.#drop(token);
    epollRemove(this.#epoll, this.#listener);
    closeFd(this.#listener);
  }

  #accept(): void {
    const fd = acceptSocket(this.#listener);
    if (this.#connections.size >= MAX_CONNECTIONS) {
      this.#send(fd, { status: 503, body: '{ "error": "Too many open connections" }' }, "close");
      return closeFd(fd);
    }
    const token = this.#nextToken++;
    this.#connections.set(token, { fd, requests: new HttpRequests(), fds: [] });
    epollAdd(this.#epoll, fd, EPOLL.IN, token);
  }

  async #serve(token: number): Promise<void> {
    const connection = this.#connections.get(token);
    if (connection === undefined) return;
    try {
      const buffer = new Uint8Array(READ_BYTES);
      const { length, fds } = receiveDescriptors(connection.fd, buffer, MAX_FDS);
      connection.fds.push(...fds);
      if (length === 0) return this.#drop(token);
      connection.requests.push(buffer.subarray(0, length));
      for (let next = connection.requests.next(); next; next = connection.requests.next()) {
        const answer = await this.#handle(next, connection.fds.splice(0));
        this.#send(connection.fd, answer, "keep-alive");
        if (answer.last) return this.close();
      }
    } catch (error) {
      if (error instanceof MalformedRequest) {
        // The real server's body holds a raw newline here, and is no JSON.
        this.#send(
          connection.fd,
          { status: 400, body: `{ "error": "${error.message}\nAll previous unanswered requests dropped." }` },
          "close",
        );
      }
      this.#drop(token);
    }
  }

  #drop(token: number): void {
    const connection = this.#connections.get(token);
    if (connection === undefined) return;
    this.#connections.delete(token);
    epollRemove(this.#epoll, connection.fd);
    connection.fds.forEach(closeFd);
    closeFd(connection.fd);
  }

  #send(fd: number, { status, body }: HttpAnswer, connection: "keep-alive" | "close"): void {
    const content = new TextEncoder().encode(body ?? "");
    const headers = [
      `HTTP/1.1 ${status} `,
      `Server: ${this.#name}`,
      `Connection: ${connection}`,
      ...(status === 204 ? [] : ["Content-Type: application/json", `Content-Length: ${content.length}`]),
    ];
    const head = new TextEncoder().encode(headers.join("\r\n") + "\r\n\r\n");
    const bytes = new Uint8Array(head.length + content.length);
    bytes.set(head);
    bytes.set(content, head.length);
    try {
      for (let at = 0; at < bytes.length;) at += sendBytes(fd, bytes.subarray(at));
    } catch {
      // The client has gone; its next read of the connection says so.
    }
  }
}
