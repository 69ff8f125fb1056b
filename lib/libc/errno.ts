import { type ErrorCode, KuasarError } from "../errors/mod.ts";

/** Linux errno values by name (the same on x86-64 and arm64; asm-generic/errno.h). */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  ENOEXEC: 8,
  EBADF: 9,
  ECHILD: 10,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  ENOTBLK: 15,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOTTY: 25,
  ETXTBSY: 26,
  EFBIG: 27,
  ENOSPC: 28,
  ESPIPE: 29,
  EROFS: 30,
  EMLINK: 31,
  EPIPE: 32,
  ERANGE: 34,
  EDEADLK: 35,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ELOOP: 40,
  ENODATA: 61,
  EPROTO: 71,
  EOVERFLOW: 75,
  EUSERS: 87,
  ENOTSOCK: 88,
  EMSGSIZE: 90,
  EPROTONOSUPPORT: 93,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETDOWN: 100,
  ENETUNREACH: 101,
  ECONNABORTED: 103,
  ECONNRESET: 104,
  ENOBUFS: 105,
  EISCONN: 106,
  ENOTCONN: 107,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EHOSTUNREACH: 113,
  EALREADY: 114,
  EINPROGRESS: 115,
  ESTALE: 116,
  EDQUOT: 122,
  ECANCELED: 125,
} as const;

/** The name of an errno value that we know. */
export type ErrnoName = keyof typeof ERRNO;

const NAMES = new Map<number, ErrnoName>(
  Object.entries(ERRNO).map(([name, value]) => [value, name as ErrnoName]),
);

const CODE_OF: Partial<Record<ErrnoName, ErrorCode>> = {
  EPERM: "PERMISSION_DENIED",
  EACCES: "PERMISSION_DENIED",
  EROFS: "PERMISSION_DENIED",
  ENOENT: "NOT_FOUND",
  ESRCH: "NOT_FOUND",
  ENODEV: "NOT_FOUND",
  ENXIO: "NOT_FOUND",
  EEXIST: "ALREADY_EXISTS",
  EADDRINUSE: "ALREADY_EXISTS",
  EBUSY: "FAILED_PRECONDITION",
  ENOTEMPTY: "FAILED_PRECONDITION",
  ETXTBSY: "FAILED_PRECONDITION",
  ENOMEM: "RESOURCE_EXHAUSTED",
  ENFILE: "RESOURCE_EXHAUSTED",
  EMFILE: "RESOURCE_EXHAUSTED",
  ENOSPC: "RESOURCE_EXHAUSTED",
  EDQUOT: "RESOURCE_EXHAUSTED",
  ENOBUFS: "RESOURCE_EXHAUSTED",
  EUSERS: "RESOURCE_EXHAUSTED",
  ENOSYS: "UNIMPLEMENTED",
  EOPNOTSUPP: "UNIMPLEMENTED",
  EPROTONOSUPPORT: "UNIMPLEMENTED",
  EAFNOSUPPORT: "UNIMPLEMENTED",
  EPIPE: "UNAVAILABLE",
  ECONNREFUSED: "UNAVAILABLE",
  ECONNRESET: "UNAVAILABLE",
  ECONNABORTED: "UNAVAILABLE",
  ENETUNREACH: "UNAVAILABLE",
  EHOSTUNREACH: "UNAVAILABLE",
  ETIMEDOUT: "DEADLINE_EXCEEDED",
  ECANCELED: "CANCELLED",
};

/** The name of an errno value, `ERRNO_<n>` where it has none here. */
export function errnoName(errno: number): string {
  return NAMES.get(errno) ?? `ERRNO_${errno}`;
}

/**
 * A system call that failed. `code` says what it means to a caller of ours, `errno` and `errnoName`
 * what the kernel said.
 */
export class Errno extends KuasarError {
  readonly errno: number;
  readonly errnoName: string;

  /**
   * @param errno the positive error number
   * @param action what could not be done, "mount /a on /b"
   */
  constructor(errno: number, action: string) {
    const name = errnoName(errno);
    super(CODE_OF[name as ErrnoName] ?? "INTERNAL", `Cannot ${action}: ${name}`);
    this.errno = errno;
    this.errnoName = name;
  }
}

/** Whether `error` is a failed system call with one of these names. */
export function isErrno(error: unknown, ...names: ErrnoName[]): error is Errno {
  return error instanceof Errno && names.some((name) => ERRNO[name] === error.errno);
}
