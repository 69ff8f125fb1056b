import { check, checkRetry } from "./check.ts";
import { libc } from "./library.ts";

/** Event bits of epoll(7) and poll(2). */
export const EPOLL = { IN: 1, OUT: 4, ERR: 8, HUP: 16, ONESHOT: 1 << 30 } as const;

const CLOEXEC = 0o2000000;
const ADD = 1;
const DELETE = 2;

/** struct epoll_event is packed on x86-64 only. */
const EVENT_SIZE = Deno.build.arch === "x86_64" ? 12 : 16;
const DATA_OFFSET = Deno.build.arch === "x86_64" ? 4 : 8;

/** Makes an epoll instance. @throws {Errno} */
export function epollCreate(): number {
  return check(libc().epoll_create1(CLOEXEC), "make an epoll instance");
}

/** Adds a descriptor; its events carry `token`. May be called while another thread waits. @throws {Errno} */
export function epollAdd(epoll: number, fd: number, events: number, token: number): void {
  const event = new DataView(new ArrayBuffer(EVENT_SIZE));
  event.setUint32(0, events >>> 0, true);
  event.setUint32(DATA_OFFSET, token, true);
  check(libc().epoll_ctl(epoll, ADD, fd, event), `watch fd ${fd}`);
}

/** Removes a descriptor. @throws {Errno} ENOENT when it was not added */
export function epollRemove(epoll: number, fd: number): void {
  check(libc().epoll_ctl(epoll, DELETE, fd, null), `stop watching fd ${fd}`);
}

/**
 * Waits on a thread of the pool until something happens.
 *
 * @param maxEvents at most so many tokens are returned
 * @param timeoutMs -1 waits for ever
 * @returns the tokens of ready descriptors; empty after a timeout or an interruption
 */
export async function epollWait(epoll: number, maxEvents: number, timeoutMs: number): Promise<number[]> {
  const buffer = new Uint8Array(EVENT_SIZE * maxEvents);
  // A nonblocking call loses errno; a failure other than EINTR would be a bug of ours and looks like a timeout.
  const count = await libc().epoll_wait_async(epoll, buffer, maxEvents, timeoutMs);
  const view = new DataView(buffer.buffer);
  const tokens: number[] = [];
  for (let index = 0; index < count; index++) {
    tokens.push(view.getUint32(index * EVENT_SIZE + DATA_OFFSET, true));
  }
  return tokens;
}

/** Makes an eventfd, nonblocking. @throws {Errno} */
export function eventFd(): number {
  const NONBLOCK = 0o4000;
  return check(libc().eventfd(0, CLOEXEC | NONBLOCK), "make an eventfd");
}

/** Makes an eventfd readable. @throws {Errno} */
export function eventFdSignal(fd: number): void {
  const one = new BigUint64Array([1n]);
  check(libc().write(fd, one, 8n), "signal an eventfd");
}

/**
 * Waits synchronously until a descriptor is ready. For short waits on the kernel only: it blocks the process.
 *
 * @returns whether it became ready in time
 * @throws {Errno}
 */
export function pollFd(fd: number, events: number, timeoutMs: number): boolean {
  const entry = new DataView(new ArrayBuffer(8));
  entry.setInt32(0, fd, true);
  entry.setInt16(4, events, true);
  return checkRetry(() => libc().poll(entry, 1n, timeoutMs), `poll fd ${fd}`) > 0;
}
