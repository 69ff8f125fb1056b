import type { CallContext } from "./call_context.ts";

/** A message as the generated code describes it. */
export interface MessageType<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(input: Uint8Array): T;
}

/** A method as the generated code describes it. */
export interface MethodDefinition {
  readonly name: string;
  readonly requestType: MessageType<unknown>;
  readonly requestStream: boolean;
  readonly responseType: MessageType<unknown>;
  readonly responseStream: boolean;
}

/** A service as the generated code describes it (`lib/proto/gen`, generic definitions). */
export interface ServiceDefinition {
  readonly fullName: string;
  readonly methods: Readonly<Record<string, MethodDefinition>>;
}

/** The type of a method's request. */
export type RequestOf<M extends MethodDefinition> = M["requestType"] extends MessageType<infer T> ? T : never;

/** The type of a method's response. */
export type ResponseOf<M extends MethodDefinition> = M["responseType"] extends MessageType<infer T> ? T
  : never;

/** True for a method with a stream in either direction. */
export type IsStream<M extends MethodDefinition> = M["requestStream"] extends true ? true
  : M["responseStream"];

/** Answers one request. What it throws becomes the status of the answer. */
export type UnaryHandler<M extends MethodDefinition> = (
  request: RequestOf<M>,
  context: CallContext,
) => Promise<ResponseOf<M>> | ResponseOf<M>;

/**
 * Serves a stream; returning ends it cleanly, throwing ends it with a status.
 *
 * `incoming` ends when the peer half-closes and throws when the connection is lost. `send` resolves when the
 * message is handed to the transport.
 */
export type StreamHandler<M extends MethodDefinition> = (
  incoming: AsyncIterable<RequestOf<M>>,
  send: (message: ResponseOf<M>) => Promise<void>,
  context: CallContext,
) => Promise<void>;

/** The handlers of a service by method key, all of them optional: what is missing answers UNIMPLEMENTED. */
export type Handlers<D extends ServiceDefinition> = {
  [K in keyof D["methods"]]?: IsStream<D["methods"][K]> extends true ? StreamHandler<D["methods"][K]>
    : UnaryHandler<D["methods"][K]>;
};
