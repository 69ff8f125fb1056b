import * as sys from "../native/sys.js";
import { serveListener } from "../runtime/listener.ts";
import { StreamHub } from "./hub.ts";

export { InputEndpoint, OutputEndpoint, PendingEndpoint } from "./endpoint.ts";
export { StreamHub } from "./hub.ts";

/** The vsock port of the stdio streams. */
export const STREAM_PORT = 1026;

/** The streams of this machine. */
export const streams = new StreamHub();

/** Serves the stdio streams on vsock. */
export function serveStreams(): void {
  serveListener(sys.listenVsock(STREAM_PORT), ({ fd }) => void streams.serve(fd));
}
