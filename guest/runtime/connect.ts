import { KuasarError } from "../../lib/errors/mod.ts";
import * as sys from "../native/sys.js";
import { within } from "./deadline.ts";

/**
 * Connects to a vsock port.
 *
 * @returns a connected, non-blocking fd
 * @throws KuasarError UNAVAILABLE when it is refused, DEADLINE_EXCEEDED
 */
export async function connectVsock(cid: number, port: number, timeoutMs: number): Promise<number> {
  // The kernel would give up after 2 s by itself, which a busy guest needs now and then.
  return await connected(
    sys.connectVsock(cid, port, timeoutMs),
    `connect to vsock ${cid}:${port}`,
    timeoutMs,
  );
}

/**
 * Connects to a TCP port of this machine's loopback, by IPv4 or, where nobody listens there, IPv6.
 *
 * @returns a connected, non-blocking fd
 * @throws KuasarError UNAVAILABLE when both are refused, DEADLINE_EXCEEDED
 */
export async function connectLoopback(port: number, timeoutMs: number): Promise<number> {
  const what = `connect to localhost:${port}`;
  try {
    return await connected(sys.connectLoopback(sys.AF.INET, port), what, timeoutMs);
  } catch (refused) {
    try {
      return await connected(sys.connectLoopback(sys.AF.INET6, port), what, timeoutMs);
    } catch {
      throw refused;
    }
  }
}

/** Waits until a connection is made; a failed one is closed. */
async function connected(fd: number, what: string, timeoutMs: number): Promise<number> {
  try {
    const writable = new Promise<void>((resolve) => sys.watch(fd, sys.EPOLL.OUT, () => resolve()));
    await within(timeoutMs, what, writable);
    sys.unwatch(fd);
    const errno = sys.socketError(fd);
    if (errno !== 0) {
      // The kernel has kept the same time, and may be first.
      const code = errno === sys.E.TIMEDOUT ? "DEADLINE_EXCEEDED" : "UNAVAILABLE";
      throw new KuasarError(code, `Cannot ${what}: ${sys.strerror(errno)}`);
    }
    return fd;
  } catch (error) {
    sys.close(fd);
    throw error;
  }
}
