import { check } from "./check.ts";
import { libc } from "./library.ts";
import { cString } from "./memory.ts";

/** Flags of mount(2) (linux/mount.h). */
export const MS = {
  RDONLY: 1,
  NOSUID: 2,
  NODEV: 4,
  NOEXEC: 8,
  SYNCHRONOUS: 16,
  REMOUNT: 32,
  MANDLOCK: 64,
  DIRSYNC: 128,
  NOSYMFOLLOW: 256,
  NOATIME: 1024,
  NODIRATIME: 2048,
  BIND: 4096,
  MOVE: 8192,
  REC: 16384,
  SILENT: 32768,
  UNBINDABLE: 1 << 17,
  PRIVATE: 1 << 18,
  SLAVE: 1 << 19,
  SHARED: 1 << 20,
  RELATIME: 1 << 21,
  STRICTATIME: 1 << 24,
  LAZYTIME: 1 << 25,
} as const;

/** Flags of umount2(2). */
export const UMOUNT = { FORCE: 1, DETACH: 2, EXPIRE: 4, NOFOLLOW: 8 } as const;

/** What mount(2) takes. */
export interface MountArguments {
  source: string;
  target: string;
  /** File system type; empty for bind mounts and changes of propagation. */
  type?: string;
  /** Bits of {@link MS}. */
  flags?: number;
  /** Options for the file system, `lowerdir=…,upperdir=…`. */
  data?: string;
}

/** Mounts a file system. @throws {Errno} */
export function mount({ source, target, type = "", flags = 0, data = "" }: MountArguments): void {
  check(
    libc().mount(cString(source), cString(target), cString(type), BigInt(flags), data ? cString(data) : null),
    `mount ${source || type} on ${target}`,
  );
}

/**
 * Unmounts what is mounted on `target`, without following a symbolic link there.
 *
 * @param flags bits of {@link UMOUNT}
 * @throws {Errno} EINVAL when nothing is mounted there
 */
export function unmount(target: string, flags: number = UMOUNT.NOFOLLOW): void {
  check(libc().umount2(cString(target), flags), `unmount ${target}`);
}
