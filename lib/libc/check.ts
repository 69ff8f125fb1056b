import { ERRNO, Errno } from "./errno.ts";
import { lastErrno } from "./library.ts";

/**
 * Returns the result of a system call, or throws what errno says when it is negative.
 *
 * @param result what the call returned
 * @param action what the call was for, for the message: "mount /a on /b"
 * @throws {Errno}
 */
export function check(result: number | bigint, action: string): number {
  if (result < 0) throw new Errno(lastErrno(), action);
  return Number(result);
}

/** Like {@link check} for a call that a signal may interrupt: repeated while it fails with EINTR. */
export function checkRetry(call: () => number | bigint, action: string): number {
  for (;;) {
    const result = call();
    if (result >= 0) return Number(result);
    const errno = lastErrno();
    if (errno !== ERRNO.EINTR) throw new Errno(errno, action);
  }
}
