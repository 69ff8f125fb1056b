/** gRPC between the services, over unix sockets. */
export { type CallOptions, type GrpcClient, grpcClient } from "./client.ts";
export {
  MAX_MESSAGE_BYTES,
  type MessageCodec,
  type MethodDefinition,
  type RequestOf,
  type ResponseOf,
  type ServiceDefinition,
} from "./definition.ts";
export { type CallContext, type GrpcServer, type Handlers, serveGrpc, type ServeOptions } from "./server.ts";
