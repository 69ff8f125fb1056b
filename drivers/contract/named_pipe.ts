import net from "node:net";
import { FILE_TYPE, makeNode, OPEN, openFd } from "../../lib/libc/mod.ts";

const NONBLOCK = 0o4000;

/**
 * Makes a named pipe by which a VMM tells what the driver may hear: whoever holds the returned descriptor holds both ends, so
 * that a driver may die (what does not fit is dropped) and the next one reads on.
 *
 * @returns the descriptor, for the caller to close
 * @throws {KuasarError} INTERNAL
 */
export function makePipe(path: string): number {
  makeNode(path, FILE_TYPE.FIFO | 0o600, { major: 0, minor: 0 });
  return openFd(path, OPEN.RDWR | NONBLOCK);
}

/**
 * Reads a named pipe; ends when nobody holds it open for writing any more.
 *
 * @throws {KuasarError} INTERNAL where there is none
 */
export function openPipe(path: string): net.Socket {
  // Node's socket reads a pipe without a thread of its own.
  return new net.Socket({ fd: openFd(path, OPEN.RDONLY | NONBLOCK), readable: true, writable: false });
}
