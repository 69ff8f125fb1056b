import { check, checkRetry } from "./check.ts";
import { isErrno } from "./errno.ts";
import { libc } from "./library.ts";
import { type Bytes, cString } from "./memory.ts";

/** Flags of open(2) (asm-generic; O_DIRECTORY and O_NOFOLLOW differ between x86-64 and arm64). */
export const OPEN = {
  RDONLY: 0,
  WRONLY: 1,
  RDWR: 2,
  CREAT: 0o100,
  EXCL: 0o200,
  TRUNC: 0o1000,
  APPEND: 0o2000,
  NONBLOCK: 0o4000,
  DIRECTORY: Deno.build.arch === "aarch64" ? 0o40000 : 0o200000,
  NOFOLLOW: Deno.build.arch === "aarch64" ? 0o100000 : 0o400000,
  CLOEXEC: 0o2000000,
  PATH: 0o10000000,
} as const;

/** File type bits of mknod(2). */
export const FILE_TYPE = { FIFO: 0o010000, CHARACTER: 0o020000, BLOCK: 0o060000, REGULAR: 0o100000 } as const;

/**
 * Opens a file, always with O_CLOEXEC.
 *
 * @returns a file descriptor that the caller closes with {@link closeFd}
 * @throws {Errno}
 */
export function openFd(path: string, flags: number, mode = 0o600): number {
  const name = cString(path);
  return checkRetry(() => libc().open(name, flags | OPEN.CLOEXEC, mode), `open ${path}`);
}

/**
 * Closes a file descriptor. Never throws: Linux frees the descriptor even when close fails, and there is
 * nothing that a caller could do.
 */
export function closeFd(fd: number): void {
  libc().close(fd);
}

/** Runs `use` with a file descriptor and closes it whatever happens. Synchronous. */
export function withFd<T>(fd: number, use: (fd: number) => T): T {
  try {
    return use(fd);
  } finally {
    closeFd(fd);
  }
}

/**
 * Reads what is there, at most `bytes.length`.
 *
 * @returns the number of bytes, 0 at the end of the file
 * @throws {Errno} EAGAIN on a nonblocking descriptor without data
 */
export function readFd(fd: number, bytes: Bytes): number {
  return checkRetry(() => libc().read(fd, bytes, BigInt(bytes.length)), `read fd ${fd}`);
}

/**
 * Writes bytes once.
 *
 * @returns how many were taken
 * @throws {Errno}
 */
export function writeFd(fd: number, bytes: Bytes): number {
  return checkRetry(() => libc().write(fd, bytes, BigInt(bytes.length)), `write fd ${fd}`);
}

/** Makes a pipe, both ends O_CLOEXEC: `[read end, write end]`. @throws {Errno} */
export function pipe(): [number, number] {
  const fds = new Int32Array(2);
  check(libc().pipe2(fds, OPEN.CLOEXEC), "make a pipe");
  return [fds[0]!, fds[1]!];
}

/**
 * A copy of a descriptor, with O_CLOEXEC.
 *
 * @throws {Errno}
 */
export function duplicateFd(fd: number): number {
  const F_DUPFD_CLOEXEC = 1030;
  return check(libc().fcntl(fd, F_DUPFD_CLOEXEC, 0n), `duplicate fd ${fd}`);
}

/** Keeps a descriptor from the programs that this process starts from now on (FD_CLOEXEC). @throws {Errno} */
export function setCloseOnExec(fd: number): void {
  const [F_SETFD, FD_CLOEXEC] = [2, 1n];
  check(libc().fcntl(fd, F_SETFD, FD_CLOEXEC), `keep fd ${fd} from other programs`);
}

/** Makes calls on a descriptor fail with EAGAIN instead of waiting, also for all who share its description. @throws {Errno} */
export function setNonblocking(fd: number): void {
  const [F_GETFL, F_SETFL] = [3, 4];
  const flags = check(libc().fcntl(fd, F_GETFL, 0n), `ask for the flags of fd ${fd}`);
  check(libc().fcntl(fd, F_SETFL, BigInt(flags | OPEN.NONBLOCK)), `make fd ${fd} nonblocking`);
}

/** Changes owner and group of a path itself, never of what a symbolic link points to. @throws {Errno} */
export function changeOwner(path: string, uid: number, gid: number): void {
  check(libc().lchown(cString(path), uid, gid), `change the owner of ${path} to ${uid}:${gid}`);
}

/**
 * Makes a device node or FIFO.
 *
 * @param mode one of {@link FILE_TYPE} and the permission bits; the umask applies
 * @throws {Errno}
 */
export function makeNode(path: string, mode: number, device: { major: number; minor: number }): void {
  check(libc().mknod(cString(path), mode, deviceNumber(device)), `make the node ${path}`);
}

/** The dev_t of a device as glibc's makedev builds it. */
export function deviceNumber({ major, minor }: { major: number; minor: number }): bigint {
  const high = BigInt(major);
  const low = BigInt(minor);
  return (low & 0xffn) | ((high & 0xfffn) << 8n) | ((low & ~0xffn) << 12n) | ((high & ~0xfffn) << 32n);
}

/** What statfs(2) tells of a file system. */
export interface FileSystemStat {
  /** Magic number, see {@link FS_MAGIC}. */
  type: number;
  blockSize: number;
  blocks: bigint;
  blocksAvailable: bigint;
}

/** Magic numbers of file systems that we ask for (linux/magic.h). */
export const FS_MAGIC = {
  TMPFS: 0x01021994,
  NSFS: 0x6e736673,
  CGROUP2: 0x63677270,
  OVERLAY: 0x794c7630,
  FUSE: 0x65735546,
} as const;

/** Asks for the file system of a path. @throws {Errno} */
export function statFileSystem(path: string): FileSystemStat {
  const buffer = new BigUint64Array(15); // struct statfs is 120 bytes on 64-bit Linux
  check(libc().statfs(cString(path), buffer), `stat the file system of ${path}`);
  return {
    type: Number(buffer[0]! & 0xffffffffn),
    blockSize: Number(buffer[1]),
    blocks: buffer[2]!,
    blocksAvailable: buffer[4]!,
  };
}

/** ioctl(2) with a buffer that the kernel reads or fills. @throws {Errno} */
export function ioctl(
  fd: number,
  request: number,
  buffer: Bytes,
  action = `ioctl ${request.toString(16)}`,
): number {
  return check(libc().ioctl(fd, BigInt(request >>> 0), buffer), action);
}

/** ioctl(2) with a plain number. @throws {Errno} */
export function ioctlValue(
  fd: number,
  request: number,
  value: number | bigint,
  action = `ioctl ${request.toString(16)}`,
): number {
  return check(libc().ioctl_value(fd, BigInt(request >>> 0), BigInt(value)), action);
}

/** fallocate(2) by its number (asm-generic and x86-64 differ). */
const SYS_FALLOCATE = Deno.build.arch === "aarch64" ? 47n : 285n;
const FALLOC_FL_KEEP_SIZE = 0x01n, FALLOC_FL_PUNCH_HOLE = 0x02n;

/**
 * Gives a part of a file back to the file system; it reads as zeros then, and the file keeps its length.
 *
 * @param offset in bytes, as `length`
 * @returns false where the file system cannot
 * @throws {Errno}
 */
export function punchHole(fd: number, offset: number, length: number): boolean {
  const mode = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE;
  try {
    checkRetry(
      () => libc().syscall(SYS_FALLOCATE, BigInt(fd), mode, BigInt(offset), BigInt(length)),
      "fallocate",
    );
    return true;
  } catch (error) {
    if (isErrno(error, "EOPNOTSUPP")) return false;
    throw error;
  }
}
