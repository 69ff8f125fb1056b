import * as grpc from "@grpc/grpc-js";
import { formatDuration, fromStatus, KuasarError } from "../errors/mod.ts";
import {
  decodeMessage,
  encodeMessage,
  MAX_MESSAGE_BYTES,
  type MethodDefinition,
  methodPath,
  type RequestOf,
  type ResponseOf,
  type ServiceDefinition,
  type StreamMethods,
  type UnaryMethods,
} from "./definition.ts";

/** Options of one call. */
export interface CallOptions {
  /** The call fails with DEADLINE_EXCEEDED after this time; Infinity waits for ever. The default is 30 s. */
  timeoutMs?: number;
  /** Cancels the call. */
  signal?: AbortSignal;
  /** Sent along, keys in lower case. */
  metadata?: Readonly<Record<string, string>>;
}

/** A client with one function per method, and `close`. */
export type GrpcClient<D extends ServiceDefinition> =
  & {
    [K in keyof UnaryMethods<D>]: (
      request: RequestOf<D["methods"][K & string]>,
      options?: CallOptions,
    ) => Promise<ResponseOf<D["methods"][K & string]>>;
  }
  & {
    /** Leaving the loop over the answers early cancels the call. */
    [K in keyof StreamMethods<D>]: (
      request: RequestOf<D["methods"][K & string]>,
      options?: CallOptions,
    ) => AsyncIterable<ResponseOf<D["methods"][K & string]>>;
  }
  & {
    /** Gives the connection up; running calls fail. Idempotent. */
    close(): void;
  };

const DEFAULT_TIMEOUT_MS = 30_000;

/**
 * A client of a service on a unix socket.
 *
 * Nothing is connected before the first call. A call waits, up to its deadline, for a peer that is (re)starting;
 * one that was under way when the peer died fails with UNAVAILABLE, since only the caller knows whether it may
 * be repeated.
 *
 * @param defaults of all its calls
 * @throws {KuasarError} from each call, by the status of the answer
 */
export function grpcClient<const D extends ServiceDefinition>(
  definition: D,
  socketPath: string,
  defaults: CallOptions = {},
): GrpcClient<D> {
  const client = new grpc.Client(`unix:${socketPath}`, grpc.credentials.createInsecure(), {
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
    "grpc.initial_reconnect_backoff_ms": 20,
    "grpc.min_reconnect_backoff_ms": 20,
    "grpc.max_reconnect_backoff_ms": 200,
    "grpc.enable_retries": 0,
    "grpc.enable_channelz": 0,
    "grpc.service_config_disable_resolution": 1,
  });
  const methods: Record<string, unknown> = { close: () => client.close() };
  for (const [key, method] of Object.entries(definition.methods)) {
    if (method.requestStream) continue;
    const path = methodPath(definition, method);
    const start = method.responseStream ? stream : call;
    methods[key] = (request: unknown, options?: CallOptions) =>
      start(client, path, method, request, { ...defaults, ...options });
  }
  return methods as GrpcClient<D>;
}

/** A call as it goes to grpc-js. */
interface Call {
  client: grpc.Client;
  path: string;
  method: MethodDefinition;
  request: unknown;
  headers: grpc.Metadata;
  deadline: number;
  signal: AbortSignal | undefined;
}

async function call(
  client: grpc.Client,
  path: string,
  method: MethodDefinition,
  request: unknown,
  { timeoutMs = DEFAULT_TIMEOUT_MS, signal, metadata = {} }: CallOptions = {},
): Promise<unknown> {
  const headers = headersOf(metadata);
  const deadline = deadlineIn(timeoutMs);
  if (signal?.aborted) throw cancelled(path);
  try {
    const bytes = await attempt({ client, path, method, request, headers, deadline, signal });
    return decodeMessage(method.responseType, bytes, "INTERNAL");
  } catch (error) {
    if (error instanceof KuasarError) throw error;
    throw callError(path, error as grpc.ServiceError, timeoutMs, signal?.aborted === true);
  }
}

function headersOf(metadata: Readonly<Record<string, string>>): grpc.Metadata {
  const headers = new grpc.Metadata({ waitForReady: true });
  for (const [key, value] of Object.entries(metadata)) headers.set(key, value);
  return headers;
}

function deadlineIn(timeoutMs: number): number {
  return Number.isFinite(timeoutMs) ? Date.now() + timeoutMs : Infinity;
}

/** The deadline holds for the whole stream. */
async function* stream(
  client: grpc.Client,
  path: string,
  method: MethodDefinition,
  request: unknown,
  { timeoutMs = DEFAULT_TIMEOUT_MS, signal, metadata = {} }: CallOptions = {},
): AsyncGenerator<unknown> {
  if (signal?.aborted) throw cancelled(path);
  const running = client.makeServerStreamRequest<unknown, Uint8Array>(
    path,
    (message) => encodeMessage(method.requestType, message),
    (bytes) => bytes,
    request,
    headersOf(metadata),
    { deadline: deadlineIn(timeoutMs) },
  );
  const abort = () => running.cancel();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    for await (const bytes of running) {
      yield decodeMessage(method.responseType, bytes as Uint8Array, "INTERNAL");
    }
  } catch (error) {
    if (error instanceof KuasarError) throw error;
    throw callError(path, error as grpc.ServiceError, timeoutMs, signal?.aborted === true);
  } finally {
    signal?.removeEventListener("abort", abort);
    // Of no effect on one that has ended.
    running.cancel();
  }
}

/** @throws {grpc.ServiceError} */
function attempt({ client, path, method, request, headers, deadline, signal }: Call): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const running = client.makeUnaryRequest<unknown, Uint8Array>(
      path,
      (message) => encodeMessage(method.requestType, message),
      (bytes) => bytes,
      request,
      headers.clone(),
      { deadline },
      (error, bytes) => {
        signal?.removeEventListener("abort", abort);
        if (error === null) resolve(bytes ?? new Uint8Array());
        else reject(error);
      },
    );
    const abort = () => running.cancel();
    signal?.addEventListener("abort", abort, { once: true });
  });
}

/**
 * How grpc-js tells that the connection broke on our side of it; the code that it gives is INTERNAL. It does not tell
 * whether the peer has seen the request (another call's frame may have met the broken connection first).
 */
const BROKEN_CONNECTION = "triggered by internal client error";

/** How grpc-js tells that the connection ended before the answer; the code that it gives is INTERNAL. */
const NO_STATUS = "Call ended without gRPC status";

function callError(
  path: string,
  { code, details }: grpc.ServiceError,
  timeoutMs: number,
  aborted: boolean,
): KuasarError {
  // grpc-js's own texts tell nothing of the call.
  if (code === grpc.status.CANCELLED && aborted) return cancelled(path);
  const broken = code === grpc.status.INTERNAL &&
    (details.includes(BROKEN_CONNECTION) || details.includes(NO_STATUS));
  // A peer that ends resets what it has not answered; a CANCELLED that it answers has another text.
  const reset = code === grpc.status.CANCELLED && details === "Call cancelled";
  if (reset || broken) {
    return new KuasarError("UNAVAILABLE", `Cannot call ${path}: the peer went away (${details})`);
  }
  if (code === grpc.status.DEADLINE_EXCEEDED && details.startsWith("Deadline exceeded")) {
    return new KuasarError(
      "DEADLINE_EXCEEDED",
      `Cannot call ${path}: no answer within ${formatDuration(timeoutMs)}`,
    );
  }
  return fromStatus({ code, message: details });
}

function cancelled(path: string): KuasarError {
  return new KuasarError("CANCELLED", `Cannot call ${path}: cancelled`);
}
