/** Byte streams over unix sockets and vsock, for ttrpc and raw stdio. */
export { type Acceptor, acceptUnix, takeUnix } from "./accept.ts";
export { type ConnectOptions, connectUnix, connectVsock } from "./connect.ts";
export { type DenoConnection, denoStream } from "./deno_stream.ts";
export { connectGuest, GUEST_PORT } from "./guest.ts";
export { type Listener, type ListenOptions, listenUnix } from "./listen.ts";
export { nodeStream } from "./node_stream.ts";
