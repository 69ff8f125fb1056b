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
  const what = `connect to vsock ${cid}:${port}`;
  const fd = sys.connectVsock(cid, port);
  try {
    const connected = new Promise<void>((resolve) => sys.watch(fd, sys.EPOLL.OUT, () => resolve()));
    await within(timeoutMs, what, connected);
    sys.unwatch(fd);
    const errno = sys.socketError(fd);
    if (errno !== 0) {
      // vsock has a time-out of its own (SO_VM_SOCKETS_CONNECT_TIMEOUT, 2 s).
      const code = errno === sys.E.TIMEDOUT ? "DEADLINE_EXCEEDED" : "UNAVAILABLE";
      throw new KuasarError(code, `Cannot ${what}: ${sys.strerror(errno)}`);
    }
    return fd;
  } catch (error) {
    sys.close(fd);
    throw error;
  }
}
