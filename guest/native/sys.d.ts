/**
 * The native module of the agent: what the kernel offers, for TypeScript under QuickJS.
 *
 * Import it as `import * as sys from "../native/sys.js"`; the bundler turns that into the built-in module `sys`.
 * Under Deno the module is empty, so code that is unit-tested there takes what it needs as a parameter.
 *
 * Conventions
 * - A failing call throws a {@link SysError}. "Would block" is no error: it is the return value -1 or `null`.
 * - File descriptors are plain numbers, always close-on-exec. Sockets, pipes, eventfd, inotify, pidfd and pty
 *   masters made here are non-blocking.
 * - Paths with a NUL byte are refused with EINVAL. Strings are UTF-8.
 * - Everything runs on one thread. Nothing here blocks, except file input and output, `mount`, `sync` and `spawn` (until exec).
 */

/** What every failing call throws. */
export interface SysError extends Error {
  readonly name: "SysError";
  /** The number, as in `E.NOENT`. */
  readonly errno: number;
  /** The name, `"ENOENT"`. */
  readonly code: string;
  /** The call that failed, `"openat"`; the message has its subject too. */
  readonly syscall: string;
}

// ---------------------------------------------------------------------------------------------------- event loop

/** Bits of {@link watch}; the kernel's `EPOLL*` values. */
export const EPOLL: {
  readonly IN: 1;
  readonly PRI: 2;
  readonly OUT: 4;
  /** Always reported, need not be asked for. */
  readonly ERR: 8;
  /** Always reported, need not be asked for. */
  readonly HUP: 16;
  readonly RDHUP: 8192;
};

/**
 * Calls `callback` whenever one of `events` is pending on `fd` (level-triggered). One watcher per fd: a second call
 * replaces events and callback. `events` 0 still reports ERR and HUP. An exception in the callback is logged.
 * @throws EPERM for a regular file
 */
export function watch(fd: number, events: number, callback: (events: number) => void): void;
/** Ends the watch; no callback comes after it. Harmless when there is none. */
export function unwatch(fd: number): void;
/** One-shot timer on the monotonic clock. Returns an id > 0. Global `setTimeout` is built on it. */
export function setTimer(callback: () => void, delayMs: number): number;
/** Harmless for an id that has fired. */
export function clearTimer(id: number): void;
/** Takes a signal over the event loop (signalfd); `null` gives it back its default action. Signals can coalesce. */
export function onSignal(signal: number, callback: (() => void) | null): void;
/** Ends the event loop and the process after the current callback. */
export function exit(code: number): void;

// ---------------------------------------------------------------------------------------------------- relay

/** How a relay ended. */
export interface RelayEnd {
  /** `eof`: the source ended and all bytes were delivered. `source` / `sink`: an error there, see `errno`. */
  readonly reason: "eof" | "source" | "sink";
  /** Bytes delivered to the sink. */
  readonly bytes: number;
  /** 0 for `eof`. A sink that was closed gives EPIPE. */
  readonly errno: number;
  /** Bytes taken from the source and not delivered: empty for `eof`. */
  readonly undelivered: Uint8Array;
}

/** Options of {@link relay}. */
export interface RelayOptions {
  /** `shutdown(sink, SHUT_WR)` at end of file when the sink is a socket. Default true. */
  readonly halfClose?: boolean;
}

/**
 * Moves bytes from `sourceFd` to `sinkFd` inside the kernel (splice(2)), driven by the event loop with back-pressure and a
 * bounded amount of work per turn; no byte passes through JavaScript. Falls back to read/write for files that cannot splice.
 *
 * Ownership: the relay uses both fds but owns neither: they stay open until the caller closes them, and `close(fd)` of
 * one of them cancels the relay without a call of `onEnd`. One fd may be the source of one relay and the sink of another
 * (a socket), not the source of two. It must not be watched with {@link watch} meanwhile in the same direction.
 * Both fds are made non-blocking (which also changes other processes' view of the same open file description).
 * A FIFO opened with O_RDWR never gives end of file as a source and never EPIPE as a sink: whoever opens one so decides by
 * other means (exit of the process, CloseIO) when to cancel.
 * @returns an id for {@link cancelRelay}
 */
export function relay(
  sourceFd: number,
  sinkFd: number,
  onEnd: (end: RelayEnd) => void,
  options?: RelayOptions,
): number;
/** Ends a relay, `onEnd` is not called. Returns bytes taken and not delivered; empty for an unknown id. */
export function cancelRelay(id: number): Uint8Array;
/** Bytes delivered by a running relay, or -1 for an unknown id. */
export function relayBytes(id: number): number;

// ---------------------------------------------------------------------------------------------------- files

/** Flags of {@link open}. */
export const O: {
  readonly RDONLY: number;
  readonly WRONLY: number;
  readonly RDWR: number;
  readonly CREAT: number;
  readonly EXCL: number;
  readonly NOCTTY: number;
  readonly TRUNC: number;
  readonly APPEND: number;
  readonly NONBLOCK: number;
  readonly DIRECTORY: number;
  readonly NOFOLLOW: number;
  readonly PATH: number;
  readonly CLOEXEC: number;
};

/** `mode` defaults to 0o644. */
export function open(path: string, flags: number, mode?: number): number;
/** Closes; also ends the fd's watch and cancels its relays. */
export function close(fd: number): void;
/**
 * Reads into `buffer[offset, offset + length)`.
 * @returns bytes read, 0 at end of file, -1 when it would block
 */
export function read(fd: number, buffer: Uint8Array, offset?: number, length?: number): number;
/** @returns bytes written, possibly fewer than asked; -1 when it would block */
export function write(fd: number, bytes: Uint8Array, offset?: number, length?: number): number;
/**
 * Writes a short text to a file that exists, in a thread of its own, for what may block in the kernel. One at a time.
 *
 * @returns false where another one is still under way, and nothing is written. How a write went nobody is told.
 */
export function writeAside(path: string, text: string): boolean;
/** The whole file, also when its size is unknown (/proc). @throws EFBIG beyond `maxBytes` (default 1 MiB) */
export function readFile(path: string, maxBytes?: number): Uint8Array;
/** Like {@link readFile}, as text. */
export function readTextFile(path: string, maxBytes?: number): string;
/** Writes a whole file in one go. Flags default to O_WRONLY|O_CREAT|O_TRUNC, mode to 0o644. */
export function writeFile(path: string, data: string | Uint8Array, mode?: number, flags?: number): void;
/** Gives a file room for so many bytes from its beginning, without making it longer. @throws ENOSPC, EOPNOTSUPP */
export function reserve(fd: number, length: number): void;
export function truncate(fd: number, length: number): void;
export function fsync(fd: number): void;
/** Advisory whole-file lock without waiting. @returns false when someone else holds it */
export function flock(fd: number, exclusive: boolean): boolean;
export function dup(fd: number): number;
/**
 * Opens what is like /dev/null and nobody else's: to be handed to processes that are not trusted with the machine's. Needs root.
 *
 * @param flags O_RDONLY, O_WRONLY or O_RDWR
 */
export function openNull(flags: number): number;
export function setNonblock(fd: number, on: boolean): void;
export function setCloexec(fd: number, on: boolean): void;

export type FileType = "file" | "dir" | "symlink" | "fifo" | "socket" | "block" | "char" | "unknown";
export interface Stat {
  readonly type: FileType;
  readonly dev: number;
  readonly ino: number;
  /** Type and permission bits. */
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number;
  readonly size: number;
  readonly mtimeMs: number;
}
export function stat(path: string): Stat;
export function lstat(path: string): Stat;
export function fstat(fd: number): Stat;
/** True when lstat works; every failure is false. */
export function exists(path: string): boolean;
/** `type` is the file system's magic number as in statfs(2); sizes in blocks of `blockSize` bytes. */
export function statfs(path: string): {
  readonly type: number;
  readonly blockSize: number;
  readonly blocks: number;
  readonly blocksFree: number;
  readonly blocksAvailable: number;
  readonly files: number;
  readonly filesFree: number;
};
/** Without `.` and `..`, in the order of the file system. */
export function readdir(path: string): { readonly name: string; readonly type: FileType }[];
export function mkdir(path: string, mode?: number): void;
/** With missing parents; harmless when the directory exists. */
export function mkdirAll(path: string, mode?: number): void;
/** Removes a tree without following symbolic links or crossing into another file system. Harmless when absent. */
export function removeAll(path: string): void;
export function unlink(path: string): void;
export function rmdir(path: string): void;
export function rename(from: string, to: string): void;
export function link(existing: string, path: string): void;
export function symlink(target: string, path: string): void;
export function readlink(path: string): string;
export function realpath(path: string): string;
export function chmod(path: string, mode: number): void;
export function chown(path: string, uid: number, gid: number): void;
export function lchown(path: string, uid: number, gid: number): void;
/** `mode` has the type (`S.IFIFO | 0o600`); device numbers are needed for block and char only. */
export function mknod(path: string, mode: number, major?: number, minor?: number): void;
export const S: {
  readonly IFMT: number;
  readonly IFREG: number;
  readonly IFDIR: number;
  readonly IFCHR: number;
  readonly IFBLK: number;
  readonly IFIFO: number;
  readonly IFLNK: number;
  readonly IFSOCK: number;
};
export function umask(mask: number): number;

// ---------------------------------------------------------------------------------------------------- system

export const MS: {
  readonly RDONLY: number;
  readonly NOSUID: number;
  readonly NODEV: number;
  readonly NOEXEC: number;
  readonly SYNCHRONOUS: number;
  readonly REMOUNT: number;
  readonly DIRSYNC: number;
  readonly NOATIME: number;
  readonly BIND: number;
  readonly MOVE: number;
  readonly REC: number;
  readonly PRIVATE: number;
  readonly SLAVE: number;
  readonly SHARED: number;
  readonly UNBINDABLE: number;
  readonly RELATIME: number;
  readonly STRICTATIME: number;
  readonly LAZYTIME: number;
};
export const MNT: { readonly FORCE: number; readonly DETACH: number; readonly NOFOLLOW: number };
/** Empty strings for `source`, `fstype` and `data` are passed as NULL. */
export function mount(source: string, target: string, fstype: string, flags?: number, data?: string): void;
export function umount(target: string, flags?: number): void;
export function pivotRoot(newRoot: string, putOld: string): void;
export function chroot(path: string): void;
export function chdir(path: string): void;
export function getcwd(): string;
export function sethostname(name: string): void;
export const CLONE: {
  readonly NEWNS: number;
  readonly NEWCGROUP: number;
  readonly NEWUTS: number;
  readonly NEWIPC: number;
  readonly NEWUSER: number;
  readonly NEWPID: number;
  readonly NEWNET: number;
};
/** Changes this (single-threaded) process; NEWPID concerns later children only. */
export function unshare(flags: number): void;
/** `type` is a CLONE bit or 0 for any. */
export function setns(fd: number, type: number): void;
export const RB: { readonly AUTOBOOT: number; readonly POWER_OFF: number; readonly HALT: number };
export function reboot(command: number): void;
export function sync(): void;
export const CLOCK: { readonly REALTIME: 0; readonly MONOTONIC: 1; readonly BOOTTIME: 7 };
/** Nanoseconds. */
export function clockGettime(clock: number): bigint;
export function clockSettime(clock: number, nanoseconds: bigint): void;
/** Milliseconds on the monotonic clock with a fraction; cheap. */
export function nowMs(): number;
export function uname(): {
  readonly sysname: string;
  readonly nodename: string;
  readonly release: string;
  readonly version: string;
  readonly machine: string;
};
/** Fills with random bytes from the kernel, without waiting for entropy. */
export function randomFill(buffer: Uint8Array): void;
/** Adds and credits entropy (8 bits a byte) to the kernel's pool; at most 512 bytes. */
export function addEntropy(bytes: Uint8Array): void;
/** Inserts a kernel module from a file. */
export function finitModule(path: string, parameters: string): void;

// ---------------------------------------------------------------------------------------------------- processes

export function args(): string[];
export function getenv(name: string): string | null;
export function setenv(name: string, value: string): void;
export function environ(): string[];
export function getpid(): number;
export function getppid(): number;
export function geteuid(): number;
/** Signal 0 only checks. */
export function kill(pid: number, signal: number): void;
/** Becomes readable when the process exits. */
export function pidfdOpen(pid: number): number;
export function pidfdSendSignal(pidfd: number, signal: number): void;
/**
 * Exit code, or 128 + signal, of a process that somebody else has reaped; -1 where nobody has yet, or the kernel is older than
 * Linux 6.15 (PIDFD_GET_INFO with PIDFD_INFO_EXIT).
 */
export function pidfdExitCode(pidfd: number): number;
export interface ExitStatus {
  readonly pid: number;
  /** Exit code, or 128 + signal. */
  readonly code: number;
  /** 0 unless killed by a signal. */
  readonly signal: number;
}
/** Reaps one exited child; `null` when there is none at the moment. */
export function waitAny(): ExitStatus | null;
/** Reaps this child; `null` while it runs. @throws ECHILD when it is none of ours */
export function waitPid(pid: number): ExitStatus | null;
/** Orphaned descendants become children of this process. */
export function setSubreaper(on: boolean): void;
export function setProcessName(name: string): void;
export const RLIMIT: {
  readonly CORE: number;
  readonly NPROC: number;
  readonly NOFILE: number;
  readonly MEMLOCK: number;
  readonly SIGPENDING: number;
};
/** -1 is unlimited. */
export function getrlimit(resource: number): { readonly soft: number; readonly hard: number };
export function setrlimit(resource: number, soft: number, hard: number): void;

export interface SpawnOptions {
  /** `argv[0]` is the program: a path, or a name searched in `$PATH` of this process. */
  readonly argv: readonly string[];
  /** `NAME=value` entries; the default is this process's own environment. */
  readonly env?: readonly string[];
  readonly cwd?: string;
  /** Fd to become 0, 1, 2. Default: /dev/null for stdin, this process's own for the others. */
  readonly stdin?: number;
  readonly stdout?: number;
  readonly stderr?: number;
  /** These become 3, 4, 5, ... in the child. */
  readonly extraFds?: readonly number[];
  /** New session. */
  readonly setsid?: boolean;
  /** Makes stdin the controlling terminal; implies `setsid`. */
  readonly ctty?: boolean;
  /** Directory fd of a cgroup (v1 or v2) the child enters before exec. */
  readonly cgroupFd?: number;
  /** Network namespace the child enters before exec. */
  readonly netnsFd?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Neither the child nor what it starts can make vsock sockets (EAFNOSUPPORT). Needs CAP_SYS_ADMIN. */
  readonly noVsock?: boolean;
  /** Kill the child with this signal when this process dies. */
  readonly pdeathsig?: number;
  /**
   * Gives the child a mount namespace of its own in which these mounts are gone, hidden by an empty, read-only directory, or
   * hidden by one in which it may write: `unmount:/a`, `hide:/b`, `scratch:/c`. Later mounts of the host still arrive there; its own do not reach the host.
   */
  readonly privateMounts?: readonly string[];
}
/**
 * Starts a program; returns its pid once exec has succeeded. All other fds are closed, signals are at their defaults.
 * @throws the errno of the step that failed in the child, `syscall` names the step (`execve`, `chdir`, `setns`, ...)
 */
export function spawn(options: SpawnOptions): number;

/** Signal numbers. */
export const SIG: {
  readonly HUP: 1;
  readonly INT: 2;
  readonly QUIT: 3;
  readonly ABRT: 6;
  readonly KILL: 9;
  readonly USR1: 10;
  readonly SEGV: 11;
  readonly USR2: 12;
  readonly PIPE: 13;
  readonly ALRM: 14;
  readonly TERM: 15;
  readonly CHLD: 17;
  readonly CONT: 18;
  readonly STOP: 19;
  readonly TSTP: 20;
  readonly WINCH: 28;
};

// ---------------------------------------------------------------------------------------------------- fds and terminals

/** Non-blocking on both ends unless told otherwise; give a child the blocking kind. */
export function pipe(nonblock?: boolean): { readonly read: number; readonly write: number };
/** A connected pair of AF_UNIX stream sockets. */
export function socketpair(): [number, number];
/** Counter 0, non-blocking. Read and write 8 bytes. */
export function eventfd(): number;
export function inotifyInit(): number;
/** @returns the watch descriptor; events come by {@link read} on the fd as in inotify(7) */
export function inotifyAddWatch(fd: number, path: string, mask: number): number;
export function inotifyRemoveWatch(fd: number, watchDescriptor: number): void;
export const IN: {
  readonly ACCESS: number;
  readonly MODIFY: number;
  readonly CLOSE_WRITE: number;
  readonly CREATE: number;
  readonly DELETE: number;
  readonly DELETE_SELF: number;
  readonly MOVED_TO: number;
  readonly IGNORED: number;
};
/** A new pseudo terminal; the master is non-blocking. */
export function openpty(): { readonly master: number; readonly slave: number };
export function setWinsize(fd: number, rows: number, columns: number): void;
export function getWinsize(fd: number): { readonly rows: number; readonly columns: number };
export function isatty(fd: number): boolean;
export function setEcho(fd: number, on: boolean): void;
/** As cfmakeraw(3). */
export function setRaw(fd: number): void;

// ---------------------------------------------------------------------------------------------------- sockets

export const AF: {
  readonly UNIX: 1;
  readonly INET: 2;
  readonly INET6: 10;
  readonly NETLINK: 16;
  readonly VSOCK: 40;
};
export const SOCK: { readonly STREAM: 1; readonly DGRAM: 2; readonly RAW: 3; readonly SEQPACKET: 5 };
export function socket(domain: number, type: number, protocol?: number): number;
/** Listens on a path. A stale socket file is replaced, one that answers is refused with EADDRINUSE. `mode` defaults to 0o600. */
export function listenUnix(path: string, mode?: number, backlog?: number): number;
/** @throws ENOENT, ECONNREFUSED, EAGAIN (backlog full) */
export function connectUnix(path: string): number;
/** Takes part in the listen queue of an fd handed over by systemd or a parent; checks that it is a listening socket. */
export function adoptListener(fd: number): void;
/** Listens on any cid. Port 0xffffffff picks a free one, see {@link localVsockPort}. */
export function listenVsock(port: number, backlog?: number): number;
/**
 * Connection under way: wait for OUT, then {@link socketError} tells. `timeoutMs` is the kernel's own limit, 2 s unless given
 * (SO_VM_SOCKETS_CONNECT_TIMEOUT).
 */
export function connectVsock(cid: number, port: number, timeoutMs?: number): number;
export function localVsockPort(fd: number): number;
/** `cid` and `port` are the peer's for AF_VSOCK, else 0. `null` when nobody waits. */
export function accept(
  fd: number,
): { readonly fd: number; readonly cid: number; readonly port: number } | null;
/**
 * Listens on every TCP port of 127.0.0.1 in the network namespace at `netns`, as long as both are open; the namespace lives as long
 * as the listener. Linux 5.9 and CAP_NET_ADMIN, CAP_BPF (BPF_PROG_TYPE_SK_LOOKUP).
 */
export function listenEveryPort(netns: string): { readonly listener: number; readonly link: number };
/** The port of this side of a TCP connection. */
export function localPort(fd: number): number;
/** Connection to 127.0.0.1 or ::1 under way: wait for OUT, then {@link socketError} tells. */
export function connectLoopback(domain: number, port: number): number;
/** Pending SO_ERROR, 0 when none. */
export function socketError(fd: number): number;
export function peerCredentials(
  fd: number,
): { readonly pid: number; readonly uid: number; readonly gid: number };
export const SHUT: { readonly RD: 0; readonly WR: 1; readonly RDWR: 2 };
/** ENOTCONN is no error. */
export function shutdown(fd: number, how: number): void;
/** Binds AF_NETLINK to the multicast `groups` (bit mask, 0 for none). */
export function bindNetlink(fd: number, groups?: number): void;
/** One message. @returns bytes sent, -1 when it would block */
export function send(fd: number, bytes: Uint8Array): number;
/**
 * One message of at most `maxBytes` (default 65536), which stays where it is with `peek`. `null` when it would block; empty at
 * end of file. @throws EMSGSIZE when it was longer
 */
export function recv(fd: number, maxBytes?: number, peek?: boolean): Uint8Array | null;
/** One message with at most 16 fds. @returns bytes sent, -1 when it would block */
export function sendFds(fd: number, bytes: Uint8Array, fds: readonly number[]): number;
/** `null` when it would block; empty data at end of file. The caller owns the fds. */
export function recvFds(
  fd: number,
  maxBytes?: number,
): { readonly data: Uint8Array; readonly fds: number[] } | null;

// ---------------------------------------------------------------------------------------------------- text, log, memory

export function utf8Encode(text: string): Uint8Array;
/** Invalid input becomes U+FFFD, or with `fatal` throws EILSEQ. A leading byte order mark is kept. */
export function utf8Decode(bytes: Uint8Array, fatal?: boolean): string;
/** Writes to stderr, whole, never throws. */
export function logWrite(text: string): void;
/** `strerror(3)`. */
export function strerror(errno: number): string;
/** Collects garbage and gives free pages back to the kernel. */
export function trimMemory(): void;
/** Heap of the JavaScript engine in bytes and objects. */
export function heapUsage(): { readonly bytes: number; readonly limit: number; readonly objects: number };

/** Error numbers worth a branch. */
export const E: {
  readonly PERM: 1;
  readonly NOENT: 2;
  readonly SRCH: 3;
  readonly INTR: 4;
  readonly IO: 5;
  readonly NXIO: 6;
  readonly BADF: 9;
  readonly CHILD: 10;
  readonly AGAIN: 11;
  readonly NOMEM: 12;
  readonly ACCES: 13;
  readonly BUSY: 16;
  readonly EXIST: 17;
  readonly NODEV: 19;
  readonly NOTDIR: 20;
  readonly ISDIR: 21;
  readonly INVAL: 22;
  readonly FBIG: 27;
  readonly NOSPC: 28;
  readonly ROFS: 30;
  readonly PIPE: 32;
  readonly NAMETOOLONG: 36;
  readonly NOSYS: 38;
  readonly NOTEMPTY: 39;
  readonly MSGSIZE: 90;
  readonly OPNOTSUPP: 95;
  readonly ADDRINUSE: 98;
  readonly NETDOWN: 100;
  readonly CONNRESET: 104;
  readonly NOTCONN: 107;
  readonly TIMEDOUT: 110;
  readonly CONNREFUSED: 111;
  readonly ALREADY: 114;
  readonly INPROGRESS: 115;
};
