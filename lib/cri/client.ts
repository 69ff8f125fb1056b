import { Buffer } from "node:buffer";
import { credentials, makeGenericClientConstructor, Metadata, type ServiceError } from "@grpc/grpc-js";
import { fromStatus } from "../errors/mod.ts";
import { ImageServiceDefinition, RuntimeServiceDefinition } from "../proto/gen/runtime/v1/cri.ts";

/** One generated unary method. */
interface UnaryMethod<Request, Response> {
  name: string;
  requestType: { encode(message: Request): { finish(): Uint8Array } };
  responseType: { decode(bytes: Uint8Array): Response };
}

/** How long one call may take, unless the caller says otherwise. */
export const DEFAULT_TIMEOUT_MS = 120_000;

/** As containerd's own limit. */
const MAX_MESSAGE_BYTES = 16 << 20;

/** The methods of a generated service as promises; a status other than OK rejects with a `KuasarError`. */
export type Client<Methods> = {
  [K in keyof Methods]: Methods[K] extends UnaryMethod<infer Request, infer Response>
    ? (request: Request, options?: { timeoutMs?: number }) => Promise<Response>
    : never;
};

/** The two CRI services of one containerd. */
export interface Cri {
  runtime: Client<typeof RuntimeServiceDefinition["methods"]>;
  images: Client<typeof ImageServiceDefinition["methods"]>;
  close(): void;
}

interface Definition {
  fullName: string;
  methods: Record<string, unknown>;
}

function bind(definition: Definition, address: string): { calls: Record<string, unknown>; close(): void } {
  const Channel = makeGenericClientConstructor({}, definition.fullName);
  const channel = new Channel(address, credentials.createInsecure(), {
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
    // One containerd may restart under a test: come back at once.
    "grpc.initial_reconnect_backoff_ms": 50,
    "grpc.max_reconnect_backoff_ms": 500,
    "grpc.use_local_subchannel_pool": 1,
  });
  const calls: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(definition.methods)) {
    const method = value as UnaryMethod<unknown, unknown>;
    calls[key] = (request: unknown, options: { timeoutMs?: number } = {}) =>
      new Promise((resolve, reject) => {
        channel.makeUnaryRequest(
          `/${definition.fullName}/${method.name}`,
          (message: unknown) => Buffer.from(method.requestType.encode(message).finish()),
          (bytes: Uint8Array) => method.responseType.decode(bytes),
          request,
          new Metadata({ waitForReady: true }),
          { deadline: Date.now() + (options.timeoutMs ?? DEFAULT_TIMEOUT_MS) },
          (error: ServiceError | null, response: unknown) => {
            if (error) reject(fromStatus({ code: error.code, message: error.details }));
            else resolve(response);
          },
        );
      });
  }
  return { calls, close: () => channel.close() };
}

/**
 * Connects to the CRI of containerd at the unix socket `path`.
 *
 * A call made while containerd is away waits for it until the call's deadline.
 */
export function connectCri(path: string): Cri {
  const runtime = bind(RuntimeServiceDefinition, `unix:${path}`);
  const images = bind(ImageServiceDefinition, `unix:${path}`);
  return {
    runtime: runtime.calls as Cri["runtime"],
    images: images.calls as Cri["images"],
    close: () => {
      runtime.close();
      images.close();
    },
  };
}
