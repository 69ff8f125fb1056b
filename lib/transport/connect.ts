import { asKuasarError, KuasarError } from "../errors/mod.ts";
import type { ByteStream } from "../ttrpc/mod.ts";
import { denoStream } from "./deno_stream.ts";
import { connectWithin } from "./within.ts";

/** How long a connection may take to be made. */
export interface ConnectOptions {
  timeoutMs: number;
}

/**
 * Connects to a unix socket.
 *
 * @throws UNAVAILABLE when nobody listens there, DEADLINE_EXCEEDED after `timeoutMs`
 */
export function connectUnix(path: string, { timeoutMs }: ConnectOptions): Promise<ByteStream> {
  return connect(() => Deno.connect({ transport: "unix", path }), path, timeoutMs);
}

/**
 * Connects to a port of a guest over kernel vsock.
 *
 * @throws UNAVAILABLE when nobody listens there, DEADLINE_EXCEEDED after `timeoutMs`
 */
export function connectVsock(cid: number, port: number, { timeoutMs }: ConnectOptions): Promise<ByteStream> {
  return connect(() => Deno.connect({ transport: "vsock", cid, port }), `vsock ${cid}:${port}`, timeoutMs);
}

async function connect(open: () => Promise<Deno.Conn>, what: string, timeoutMs: number): Promise<ByteStream> {
  try {
    return denoStream(await connectWithin(open(), what, timeoutMs));
  } catch (error) {
    if (error instanceof KuasarError) throw error;
    const reason = asKuasarError(error).message;
    throw new KuasarError("UNAVAILABLE", `Cannot connect to ${what}: ${reason}`, { cause: error });
  }
}
