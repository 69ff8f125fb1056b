import { formatDuration, KuasarError } from "../errors/mod.ts";

/** Channels of the first forwarded port in the protocol of Kubernetes over WebSocket: the first byte of every message. */
const DATA = 0, ERROR = 1;

const PROTOCOL = "v4.channel.k8s.io";

/** The first message on each channel is the number of the port, 16 bit. */
const PORT_BYTES = 2;

/**
 * Sends a request through a `PortForward` session on containerd's streaming server, as kubectl does, and returns all that is
 * answered until the connection ends.
 *
 * @param url what `PortForward` for one port returned
 * @throws KuasarError UNAVAILABLE with what the server says went wrong; DEADLINE_EXCEEDED
 */
export async function requestThroughForward(
  url: string,
  request: Uint8Array,
  timeoutMs = 30_000,
): Promise<Uint8Array> {
  const socket = new WebSocket(url.replace(/^http/, "ws"), PROTOCOL);
  socket.binaryType = "arraybuffer";
  const answer: number[] = [];
  const told = new Set<number>();
  let failure = "";
  socket.onopen = () => socket.send(new Uint8Array([DATA, ...request]));
  socket.onmessage = ({ data }) => {
    const [channel = -1, ...body] = new Uint8Array(data as ArrayBuffer);
    const first = !told.has(channel);
    told.add(channel);
    const rest = first ? body.slice(PORT_BYTES) : body;
    if (channel === DATA) answer.push(...rest);
    if (channel === ERROR) failure += new TextDecoder().decode(new Uint8Array(rest));
  };
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(
      new KuasarError("DEADLINE_EXCEEDED", `Cannot see the end of ${url} in ${formatDuration(timeoutMs)}`),
    );
  }, timeoutMs);
  try {
    await Promise.race([new Promise<void>((resolve) => socket.onclose = () => resolve()), late.promise]);
  } finally {
    clearTimeout(timer);
    socket.close();
  }
  if (failure !== "") throw new KuasarError("UNAVAILABLE", `Cannot forward a port: ${failure}`);
  return new Uint8Array(answer);
}
