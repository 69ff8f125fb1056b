import { KuasarError } from "../../lib/errors/mod.ts";
import type { GuestEndpoint } from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import { secretLine } from "../../lib/vsock/mod.ts";
import * as sys from "../native/sys.js";
import { connectVsock } from "../runtime/connect.ts";
import { within } from "../runtime/deadline.ts";

/** No answer to a handshake is longer. */
const MAX_LINE_BYTES = 256;

/** Waits until `fd` can be read, or has ended. */
export async function readable(fd: number): Promise<void> {
  await new Promise<void>((resolve) => sys.watch(fd, sys.EPOLL.IN, () => resolve()));
  sys.unwatch(fd);
}

/**
 * Reads up to a newline and not a byte more: what follows belongs to whoever speaks next.
 *
 * @throws KuasarError UNAVAILABLE where the peer ends first, INTERNAL where the line is too long
 */
export async function readLine(fd: number): Promise<string> {
  const line = new Uint8Array(MAX_LINE_BYTES);
  for (let length = 0; length < line.length;) {
    const count = sys.read(fd, line, length, 1);
    if (count === 0) {
      throw new KuasarError("UNAVAILABLE", "Cannot read from the guest: it has closed the connection");
    }
    if (count < 0) await readable(fd);
    else if (line[length] === 0x0a) return sys.utf8Decode(line.subarray(0, length));
    else length += 1;
  }
  throw new KuasarError(
    "INTERNAL",
    `Cannot read from the guest: its answer has more than ${MAX_LINE_BYTES} bytes`,
  );
}

/** Sends a line and reads the answer. The socket's buffer is empty and takes it whole. */
export async function ask(fd: number, line: string, timeoutMs: number): Promise<string> {
  return await within(timeoutMs, "get the guest's answer", exchange(fd, line));
}

/**
 * Connects to a port of a guest and says its secret where it has one.
 *
 * @returns a connected, non-blocking fd, owned by the caller
 * @throws KuasarError UNAVAILABLE, DEADLINE_EXCEEDED
 */
export async function dialGuest(endpoint: GuestEndpoint, port: number, timeoutMs: number): Promise<number> {
  const fd = await connectGuest(endpoint, port, timeoutMs);
  // A record of before there were secrets has none.
  if (!endpoint.secret) return fd;
  try {
    // The connection is new and takes it whole.
    sys.write(fd, sys.utf8Encode(secretLine(endpoint.secret)));
    return fd;
  } catch (error) {
    sys.close(fd);
    throw new KuasarError("UNAVAILABLE", `Cannot reach the guest: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

async function connectGuest({ kind }: GuestEndpoint, port: number, timeoutMs: number): Promise<number> {
  if (kind?.$case === "cid") return await connectVsock(kind.value, port, timeoutMs);
  if (kind?.$case !== "hybridPath") {
    throw new KuasarError("INTERNAL", "Cannot reach the guest: its endpoint is unknown");
  }
  let fd: number;
  try {
    fd = sys.connectUnix(kind.value);
  } catch (error) {
    throw new KuasarError("UNAVAILABLE", `Cannot reach the guest: ${(error as Error).message}`, {
      cause: error,
    });
  }
  const answering = exchange(fd, `CONNECT ${port}`);
  let answer: string;
  try {
    answer = await within(timeoutMs, "get the guest's answer", answering);
  } catch (error) {
    // vhost-device-vsock 0.3.0 loses its only worker, and the guest its vsock, when a connection ends before it was answered.
    void answering.catch(() => {}).then(() => sys.close(fd));
    throw error;
  }
  if (answer.startsWith("OK")) return fd;
  sys.close(fd);
  throw new KuasarError(
    "UNAVAILABLE",
    `Cannot reach port ${port} of the guest: it answers ${JSON.stringify(answer)}`,
  );
}

/** Sends a line and reads the answer, however long that takes. */
async function exchange(fd: number, text: string): Promise<string> {
  sys.write(fd, sys.utf8Encode(`${text}\n`));
  return await readLine(fd);
}
