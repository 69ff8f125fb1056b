import { asKuasarError, KuasarError } from "../errors/mod.ts";
import type { GuestEndpoint } from "../proto/gen/kuasar/prepare/v1/prepare.ts";
import type { ByteStream } from "../ttrpc/mod.ts";
import { type ConnectOptions, connectUnix, connectVsock } from "./connect.ts";
import { secretLine } from "../vsock/mod.ts";
import { connectWithin } from "./within.ts";

/** Longest answer to `CONNECT` that is read. */
const MAX_ANSWER_BYTES = 128;

/** Ports of the agent in a guest; docs/architecture.md says what each one speaks. */
export const GUEST_PORT = { services: 1024, console: 1025, stdio: 1026, readiness: 1027 } as const;

/**
 * Connects to a port of a guest, over hybrid or kernel vsock as its endpoint says, and says its secret where it has one.
 *
 * @throws UNAVAILABLE when the guest is not reached or nobody listens on the port, DEADLINE_EXCEEDED after
 *   `timeoutMs`, INVALID_ARGUMENT for an endpoint of no known kind
 */
export async function connectGuest(
  endpoint: GuestEndpoint,
  port: number,
  { timeoutMs }: ConnectOptions,
): Promise<ByteStream> {
  const stream = await connectPort(endpoint, port, timeoutMs);
  if (endpoint.secret === "") return stream;
  try {
    await stream.write(new TextEncoder().encode(secretLine(endpoint.secret)));
    return stream;
  } catch (cause) {
    stream.close();
    const reason = asKuasarError(cause).message;
    throw new KuasarError("UNAVAILABLE", `Cannot connect to port ${port} of the guest: ${reason}`, { cause });
  }
}

async function connectPort({ kind }: GuestEndpoint, port: number, timeoutMs: number): Promise<ByteStream> {
  if (kind?.$case === "cid") return await connectVsock(kind.value, port, { timeoutMs });
  if (kind?.$case !== "hybridPath") {
    throw new KuasarError("INVALID_ARGUMENT", `Cannot connect to port ${port} of a guest without an address`);
  }
  const stream = await connectUnix(kind.value, { timeoutMs });
  const what = `port ${port} of the guest behind ${kind.value}`;
  const shaking = shakeHands(stream, port, what);
  // Not before: vhost-device-vsock 0.3.0 loses its only worker when a connection ends before it was answered.
  shaking.catch(() => stream.close());
  return await connectWithin(shaking, what, timeoutMs);
}

/** Firecracker's handshake: `CONNECT <port>\n`, answered by `OK <host port>\n` or by the end of the stream. */
async function shakeHands(stream: ByteStream, port: number, what: string): Promise<ByteStream> {
  let seen = new Uint8Array(0);
  try {
    await stream.write(new TextEncoder().encode(`CONNECT ${port}\n`));
    while (seen.length < MAX_ANSWER_BYTES) {
      const chunk = await stream.read();
      if (chunk === null) {
        throw new KuasarError("UNAVAILABLE", `Cannot connect to ${what}: nobody listens there`);
      }
      const joined = new Uint8Array(seen.length + chunk.length);
      joined.set(seen);
      joined.set(chunk, seen.length);
      seen = joined;
      const end = seen.indexOf(0x0a);
      if (end < 0) continue;
      const line = new TextDecoder().decode(seen.subarray(0, end));
      if (!/^OK( \d+)?\r?$/.test(line)) break;
      return withPrefix(seen.subarray(end + 1), stream);
    }
  } catch (error) {
    if (error instanceof KuasarError) throw error;
    throw new KuasarError("UNAVAILABLE", `Cannot connect to ${what}: ${asKuasarError(error).message}`, {
      cause: error,
    });
  }
  const answer = JSON.stringify(new TextDecoder().decode(seen.subarray(0, MAX_ANSWER_BYTES)));
  throw new KuasarError("UNAVAILABLE", `Cannot connect to ${what}: the answer to CONNECT is ${answer}`);
}

/** The stream with bytes put back that were read too far. */
function withPrefix(prefix: Uint8Array, stream: ByteStream): ByteStream {
  if (prefix.length === 0) return stream;
  let left: Uint8Array | undefined = prefix;
  return {
    read() {
      if (left === undefined) return stream.read();
      const first = left;
      left = undefined;
      return Promise.resolve(first);
    },
    write: (bytes) => stream.write(bytes),
    close: () => stream.close(),
  };
}
