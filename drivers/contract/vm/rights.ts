import type { Capability } from "../../../lib/process/mod.ts";

/** What a VMM, or a helper of one, may do on the host. */
export interface Rights {
  capabilities: readonly Capability[];
  /** Its umask, where it makes no file for anybody else. */
  umask?: number;
  /** How many files it may have open; the driver's own limit unless given. */
  openFiles?: number;
  /** The system calls that it may make: any other ends it, and the VM with a word on why. All, or its own choice, unless given. */
  calls?: readonly string[];
}

/** Nothing that needs a capability. */
export const PLAIN: Rights = { capabilities: [], umask: 0o077 };

/** Finding taps and setting them up where they are: in the pod's own network namespace. */
export const OWN_TAPS: Rights = { ...PLAIN, capabilities: ["net_admin"] };

/**
 * Serving a directory to a guest by itself (9p): its files belong to whomever the guest says. As virtiofsd keeps them.
 */
export const FILE_SERVER: Rights = {
  capabilities: ["chown", "dac_override", "fowner", "fsetid", "setgid", "setuid", "mknod", "setfcap"],
};

/**
 * Of a program between sockets and memory that it is handed: as vhost-device-vsock 0.3.0 makes them under load (strace), and the
 * like of them that other C libraries and releases may make instead. None opens another's memory, starts a program that it
 * finds (its root has none), mounts, traces, or makes a socket that leads out of its empty network namespace.
 */
const RELAY_CALLS = [
  // To be loaded, and to have threads and memory.
  ...[
    "access",
    "arch_prctl",
    "brk",
    "clone",
    "clone3",
    "execve",
    "exit",
    "exit_group",
    "fstat",
    "futex",
    "getpid",
    "getrandom",
  ],
  ...[
    "gettid",
    "getuid",
    "lseek",
    "madvise",
    "mmap",
    "mprotect",
    "mremap",
    "munmap",
    "newfstatat",
    "openat",
    "prctl",
    "pread64",
  ],
  ...[
    "prlimit64",
    "readlink",
    "readlinkat",
    "restart_syscall",
    "rseq",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
  ],
  ...[
    "sched_getaffinity",
    "sched_yield",
    "set_robust_list",
    "set_tid_address",
    "sigaltstack",
    "statx",
    "tgkill",
  ],
  // To wait.
  ...[
    "clock_gettime",
    "clock_nanosleep",
    "epoll_create1",
    "epoll_ctl",
    "epoll_pwait",
    "epoll_wait",
    "eventfd2",
    "poll",
    "ppoll",
  ],
  // To pass bytes on.
  ...[
    "accept4",
    "bind",
    "close",
    "connect",
    "dup",
    "fcntl",
    "getsockname",
    "getsockopt",
    "ioctl",
    "listen",
    "read",
    "readv",
  ],
  ...[
    "recvfrom",
    "recvmsg",
    "sendmsg",
    "sendto",
    "setsockopt",
    "shutdown",
    "socket",
    "socketpair",
    "unlink",
    "unlinkat",
  ],
  ...["write", "writev"],
];

/** A helper between two sockets and the guest's memory. */
export const RELAY: Rights = { ...PLAIN, openFiles: 1024, calls: RELAY_CALLS };

/** A kind of process of a VM, as docs/security.md lists it and the conformance suite finds it. */
export interface ProcessKind {
  process: string;
  rights: Rights;
  /** Whether it runs as a user of the sandbox's own: where all that it opens can be given to that. */
  ownUser: boolean;
  /** What of the host is in its root once it runs, besides `/dev/null` and `/dev/urandom`. */
  keeps: string;
}

/** Every kind. */
export const PROCESSES: readonly ProcessKind[] = [
  { process: "QEMU", rights: PLAIN, ownUser: false, keeps: "nothing" },
  {
    process: "QEMU where it serves a directory by 9p itself",
    rights: FILE_SERVER,
    ownUser: false,
    keeps: "that directory",
  },
  {
    process: "Cloud Hypervisor, which finds its taps by name where it has any",
    rights: OWN_TAPS,
    ownUser: false,
    keeps:
      "its directory `vm`, the socket of its share, kernel, initrd and image, for a guest that boots again",
  },
  {
    process: "Firecracker, which finds its taps by name where it has any",
    rights: OWN_TAPS,
    ownUser: false,
    keeps: "its directory `vm`",
  },
  { process: "StratoVirt", rights: PLAIN, ownUser: false, keeps: "its directory `vm`" },
  {
    process: "`vhost-device-vsock`",
    rights: RELAY,
    ownUser: true,
    keeps: "its directory `vm`",
  },
];
