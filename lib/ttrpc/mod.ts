export type { ByteStream } from "./byte_stream.ts";
export type { CallLog, ConnectionState, LastingConnection } from "./call_log.ts";
export type { CallContext } from "./call_context.ts";
export { type CallOptions, type ClientLimits, TtrpcClient } from "./client.ts";
export { ClientStream } from "./client_stream.ts";
export type {
  Handlers,
  MessageType,
  MethodDefinition,
  RequestOf,
  ResponseOf,
  ServiceDefinition,
  StreamHandler,
  UnaryHandler,
} from "./definition.ts";
export { encodeHeader, FRAME_TYPE, HEADER_BYTES, MAX_BODY_BYTES } from "./frame.ts";
export { FrameBudget } from "./frame_budget.ts";
export { MessageQueue } from "./message_queue.ts";
export { type ServerOptions, TtrpcServer } from "./server.ts";
export { type ClientDefaults, createClient, type TypedClient } from "./typed_client.ts";
