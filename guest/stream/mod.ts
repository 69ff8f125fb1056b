import type { HostGate } from "../gate/host_gate.ts";
import { StreamHub } from "./hub.ts";

export { InputEndpoint, OutputEndpoint, PendingEndpoint } from "./endpoint.ts";
export { StreamHub } from "./hub.ts";

/** The vsock port of the stdio streams. */
export const STREAM_PORT = 1026;

/** The streams of this machine. */
export const streams = new StreamHub();

/** Serves the stdio streams on vsock. */
export function serveStreams(gate: HostGate): void {
  gate.serve(STREAM_PORT, (fd) => void streams.serve(fd));
}
