/** Error numbers of rtnetlink that mean something here (asm-generic/errno-base.h). */
export const EEXIST = 17;
export const ENOENT = 2;
export const ESRCH = 3;
export const EOPNOTSUPP = 95;
export const EAFNOSUPPORT = 97;

/** The kernel's error number in what a netlink socket throws, whichever it is: the agent's own or that of lib/. */
export function errnoOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errno" in error)) return undefined;
  return typeof error.errno === "number" ? error.errno : undefined;
}

/** Does what may have been done before, or undone, which these error numbers tell. */
export function unless(expected: readonly number[], call: () => void): void {
  try {
    call();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined || !expected.includes(errno)) throw error;
  }
}
