import { check } from "./check.ts";
import { libc } from "./library.ts";
import { type Bytes } from "./memory.ts";
import { ioctl } from "./files.ts";
import { isErrno } from "./errno.ts";

const SYS_PIDFD_SEND_SIGNAL = 424n;
const SYS_PIDFD_OPEN = 434n;

/** Signal numbers (x86-64 and arm64). */
export const SIGNAL = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGTERM: 15,
  SIGCHLD: 17,
  SIGCONT: 18,
  SIGSTOP: 19,
} as const;

/**
 * Opens a descriptor of a process, readable once it has exited; the kernel sets O_CLOEXEC on it.
 *
 * @throws {Errno} ESRCH when there is no such process
 */
export function pidfdOpen(pid: number): number {
  return check(libc().syscall(SYS_PIDFD_OPEN, BigInt(pid), 0n, 0n, 0n), `watch process ${pid}`);
}

/** Sends a signal through a pidfd: never to another process that got the pid later. @throws {Errno} */
export function pidfdSendSignal(pidfd: number, signal: number): void {
  check(
    libc().syscall(SYS_PIDFD_SEND_SIGNAL, BigInt(pidfd), BigInt(signal), 0n, 0n),
    `send signal ${signal}`,
  );
}

/**
 * The wait status of a process that is gone, asked through its pidfd (PIDFD_GET_INFO with PIDFD_INFO_EXIT,
 * Linux 6.15 and later, linux/pidfd.h).
 *
 * @returns undefined where the kernel is older or nobody has reaped the process yet
 */
export function pidfdExitStatus(pidfd: number): number | undefined {
  const PIDFD_INFO_EXIT = 8n;
  const SIZE = 64; // struct pidfd_info, first version
  const PIDFD_GET_INFO = ((3 << 30) | (SIZE << 16) | (0xff << 8) | 11) >>> 0;
  const info: Bytes = new Uint8Array(SIZE);
  const view = new DataView(info.buffer);
  view.setBigUint64(0, PIDFD_INFO_EXIT, true);
  try {
    ioctl(pidfd, PIDFD_GET_INFO, info, "ask for the exit status");
  } catch (error) {
    if (isErrno(error, "ENOTTY", "EINVAL", "ESRCH")) return undefined;
    throw error;
  }
  return (view.getBigUint64(0, true) & PIDFD_INFO_EXIT) ? view.getInt32(60, true) : undefined;
}
