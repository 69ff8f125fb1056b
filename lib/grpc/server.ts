import { type Buffer } from "node:buffer";
import type net from "node:net";
import * as grpc from "@grpc/grpc-js";
import { asKuasarError, KuasarError, toStatus } from "../errors/mod.ts";
import { listenUnixFd } from "../libc/mod.ts";
import { logger } from "../log/mod.ts";
import { inheritedFd } from "../service/mod.ts";
import { acceptUnix, takeUnix } from "../transport/mod.ts";
import { takeGreeted } from "./greeted.ts";
import { withoutGoaway } from "./without_goaway.ts";
import {
  decodeMessage,
  encodeMessage,
  MAX_MESSAGE_BYTES,
  type MethodDefinition,
  methodPath,
  type RequestOf,
  type ResponseOf,
  type ServiceDefinition,
  type UnaryMethods,
} from "./definition.ts";

/** What a handler knows of a call besides its request. */
export interface CallContext {
  /** Text metadata of the call, keys in lower case. */
  metadata: ReadonlyMap<string, string>;
  /** When the caller stops waiting. */
  deadline: Date | undefined;
  /** Aborted when the caller has given up or its connection is gone. */
  cancelled: AbortSignal;
}

/** The handlers of all unary methods of a service. */
export type Handlers<D extends ServiceDefinition> = {
  [K in keyof UnaryMethods<D>]: (
    request: RequestOf<D["methods"][K & string]>,
    context: CallContext,
  ) => Promise<ResponseOf<D["methods"][K & string]>>;
};

/** Options of {@link serveGrpc}. */
export interface ServeOptions<D extends readonly ServiceDefinition[]> {
  /** Path of the unix socket; made with mode 0600 unless a socket is inherited. */
  address: string;
  /** Pairs of a definition and its handlers. */
  services: { [I in keyof D]: readonly [D[I], Handlers<D[I]>] };
  /** Name under which systemd or the supervisor may have handed the socket over (LISTEN_FDNAMES). */
  fdName?: string;
}

/** A running server. */
export interface GrpcServer {
  /**
   * Stops accepting, lets running calls end for `graceMs`, then cuts them. Removes the socket file unless it
   * was inherited. Idempotent.
   */
  close(graceMs?: number): Promise<void>;
}

const log = logger("grpc");

/** HTTP/2 carries the message in a header; longer ones are cut so that no client refuses it. */
const MAX_STATUS_LENGTH = 12_000;

/**
 * Serves gRPC on a unix socket.
 *
 * Only root and the own user may connect (checked by the kernel's peer credentials, besides the mode of the
 * socket). What a handler throws becomes a status by lib/errors. The listening socket is ours, not grpc-js's, so
 * that an inherited one works as well (systemd keeps it while the service restarts).
 *
 * @throws {KuasarError} FAILED_PRECONDITION when another process serves on the path
 */
export async function serveGrpc<const D extends readonly ServiceDefinition[]>(
  { address, services, fdName }: ServeOptions<D>,
): Promise<GrpcServer> {
  const server = new grpc.Server({
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
    "grpc.enable_channelz": 0,
  });
  const calls = new RunningCalls();
  for (const [definition, handlers] of services as Iterable<readonly [ServiceDefinition, object]>) {
    addService(server, definition, handlers as HandlerTable, calls);
  }
  const injector = server.createConnectionInjector(grpc.ServerCredentials.createInsecure());
  const inherited = fdName === undefined ? undefined : inheritedFd(fdName);
  const fd = inherited ?? listenUnixFd(address);
  const connections = new Connections();
  const serve = (socket: net.Socket, greeted: boolean) => {
    socket.on("error", (error) => log.debug("Connection failed", { address, error }));
    connections.add(socket);
    const connection = withoutGoaway(socket, greeted);
    connection.on("error", (error) => log.debug("Connection failed", { address, error }));
    injector.injectConnection(connection);
  };
  const greeted = fdName === undefined ? [] : takeGreeted(fdName);
  const acceptor = acceptUnix(fd, address, (socket) => serve(socket, false));
  for (const fd of greeted) takeUnix(fd, address, (socket) => serve(socket, true));

  let closing: Promise<void> | undefined;
  const close = async (graceMs: number): Promise<void> => {
    // Before the end of listening: afterwards the path may already belong to a successor.
    if (inherited === undefined) removeSocket(address);
    const closed = acceptor.close();
    // Clients are not told to go by a GOAWAY: see withoutGoaway.
    await calls.ended(graceMs);
    connections.cut();
    server.forceShutdown();
    await closed;
  };
  return { close: (graceMs = 2000) => closing ??= close(graceMs) };
}

/** The calls that are under way, to wait for their end. */
class RunningCalls {
  #count = 0;
  #whenNone: (() => void) | undefined;

  /** Runs a call and counts it. */
  async run<T>(call: () => Promise<T>): Promise<T> {
    this.#count++;
    try {
      return await call();
    } finally {
      // In a later turn, so that the answer has left before the connection is cut.
      setTimeout(() => {
        if (--this.#count === 0) this.#whenNone?.();
      }, 0);
    }
  }

  /** Resolves when all have ended, at the latest after `graceMs`. */
  async ended(graceMs: number): Promise<void> {
    if (this.#count === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, graceMs);
      this.#whenNone = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** The open connections. */
class Connections {
  readonly #sockets = new Set<net.Socket>();

  add(socket: net.Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
  }

  /** Ends all of them. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

function removeSocket(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

type HandlerTable = Record<string, (request: unknown, context: CallContext) => Promise<unknown>>;

function addService(
  server: grpc.Server,
  definition: ServiceDefinition,
  handlers: HandlerTable,
  calls: RunningCalls,
): void {
  const methods: Record<string, grpc.MethodDefinition<Buffer, Buffer>> = {};
  const implementation: Record<string, grpc.handleUnaryCall<Buffer, Buffer>> = {};
  for (const [key, method] of Object.entries(definition.methods)) {
    const handler = handlers[key];
    if (method.requestStream || method.responseStream || handler === undefined) continue;
    const path = methodPath(definition, method);
    methods[key] = {
      path,
      requestStream: false,
      responseStream: false,
      // Messages stay bytes here and are decoded in `answer`, where a broken one gets the right code.
      requestSerialize: (bytes) => bytes,
      requestDeserialize: (bytes) => bytes,
      responseSerialize: (bytes) => bytes,
      responseDeserialize: (bytes) => bytes,
    };
    implementation[key] = (call, callback) => {
      calls.run(() => answer(call, path, method, handler.bind(handlers))).then(
        (response) => callback(null, response),
        (error) => callback(statusOf(error)),
      );
    };
  }
  server.addService(methods, implementation);
}

async function answer(
  call: grpc.ServerUnaryCall<Buffer, Buffer>,
  path: string,
  method: MethodDefinition,
  handler: HandlerTable[string],
): Promise<Buffer> {
  const cancel = new AbortController();
  call.on(
    "cancelled",
    () => cancel.abort(new KuasarError("CANCELLED", `The caller of ${path} has given up`)),
  );
  try {
    const request = decodeMessage(method.requestType, call.request, "INVALID_ARGUMENT");
    const response = await handler(request, {
      metadata: textMetadata(call.metadata),
      deadline: deadlineOf(call.getDeadline()),
      cancelled: cancel.signal,
    });
    return encodeMessage(method.responseType, response);
  } catch (error) {
    logFailure(path, error);
    throw error;
  }
}

/** A refusal is told by the caller that gives up on account of it: here, at each peer on its way, it would be said again. */
function logFailure(path: string, error: unknown): void {
  if (error instanceof KuasarError) log.debug("Call failed", { path, code: error.code, error });
  else {log.error("Call failed by a bug", {
      path,
      error,
      stack: error instanceof Error ? error.stack : undefined,
    });}
}

function statusOf(error: unknown): Partial<grpc.StatusObject> {
  const { code, message } = toStatus(asKuasarError(error));
  const details = message.length > MAX_STATUS_LENGTH ? message.slice(0, MAX_STATUS_LENGTH) + "…" : message;
  return { code, details };
}

function textMetadata(metadata: grpc.Metadata): Map<string, string> {
  const text = new Map<string, string>();
  for (const [key, value] of Object.entries(metadata.getMap())) {
    if (typeof value === "string") text.set(key, value);
  }
  return text;
}

function deadlineOf(deadline: grpc.Deadline): Date | undefined {
  const time = Number(deadline);
  return Number.isFinite(time) ? new Date(time) : undefined;
}
