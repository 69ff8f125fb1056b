import type net from "node:net";
import { sendDescriptors } from "../../lib/libc/mod.ts";

/**
 * Sends bytes with descriptors (SCM_RIGHTS) over a connection on which nothing waits to be written. The caller keeps its
 * descriptors.
 *
 * @returns how many bytes were taken
 * @throws {Errno}
 */
export function sendOver(socket: net.Socket, bytes: Uint8Array<ArrayBuffer>, fds: readonly number[]): number {
  // The descriptor behind a node socket has no public name.
  const fd = (socket as unknown as { _handle?: { fd?: number } })._handle?.fd ?? -1;
  return sendDescriptors(fd, bytes, fds);
}
