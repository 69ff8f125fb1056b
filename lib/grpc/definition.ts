import { Buffer } from "node:buffer";
import { KuasarError } from "../errors/mod.ts";

/** How lib/proto/gen encodes and decodes one message type. */
export interface MessageCodec<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
}

/** One method of a service as lib/proto/gen describes it. */
export interface MethodDefinition {
  readonly name: string;
  // Codecs of all message types at once: a message type appears as argument and as result, so only `any` fits.
  // deno-lint-ignore no-explicit-any
  readonly requestType: MessageCodec<any>;
  readonly requestStream: boolean;
  // deno-lint-ignore no-explicit-any
  readonly responseType: MessageCodec<any>;
  readonly responseStream: boolean;
}

/** A service as lib/proto/gen describes it. */
export interface ServiceDefinition {
  readonly fullName: string;
  readonly methods: Readonly<Record<string, MethodDefinition>>;
}

/** The request message of a method. */
export type RequestOf<M extends MethodDefinition> = ReturnType<M["requestType"]["decode"]>;
/** The response message of a method. */
export type ResponseOf<M extends MethodDefinition> = ReturnType<M["responseType"]["decode"]>;

/** The methods that have one request and one response. */
export type UnaryMethods<D extends ServiceDefinition> = {
  [
    K in keyof D["methods"] as D["methods"][K] extends { requestStream: false; responseStream: false } ? K
      : never
  ]: D["methods"][K];
};

/** The methods that answer one request with a stream; those with a stream of requests are not used over gRPC here. */
export type StreamMethods<D extends ServiceDefinition> = {
  [
    K in keyof D["methods"] as D["methods"][K] extends { requestStream: false; responseStream: true } ? K
      : never
  ]: D["methods"][K];
};

/** The largest message either way. */
export const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** The path of a method in HTTP/2, `/package.Service/Method`. */
export function methodPath(service: ServiceDefinition, method: MethodDefinition): string {
  return `/${service.fullName}/${method.name}`;
}

/** Encodes a message; grpc-js insists on a Buffer. */
export function encodeMessage<T>(codec: MessageCodec<T>, message: T): Buffer<ArrayBuffer> {
  const bytes = codec.encode(message).finish() as Uint8Array<ArrayBuffer>;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Decodes a message that came from outside.
 *
 * @param code what a broken message means: INVALID_ARGUMENT in a request, INTERNAL in an answer
 * @throws {KuasarError}
 */
export function decodeMessage<T>(
  codec: MessageCodec<T>,
  bytes: Uint8Array,
  code: "INVALID_ARGUMENT" | "INTERNAL",
): T {
  try {
    // A plain view, so that no Buffer gets into the fields of the message.
    return codec.decode(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new KuasarError(code, `Cannot decode a message of ${bytes.length} bytes: ${reason}`);
  }
}
