import { MS } from "../libc/mod.ts";
import { MOUNT_ATTR } from "./syscalls.ts";

/** Options of a mount that are flags; `rw` and defaults need none. */
const FLAGS: Readonly<Record<string, number>> = {
  ro: MS.RDONLY,
  rw: 0,
  defaults: 0,
  nosuid: MS.NOSUID,
  suid: 0,
  nodev: MS.NODEV,
  dev: 0,
  noexec: MS.NOEXEC,
  exec: 0,
  noatime: MS.NOATIME,
  nodiratime: MS.NODIRATIME,
  relatime: MS.RELATIME,
  strictatime: MS.STRICTATIME,
  sync: MS.SYNCHRONOUS,
  dirsync: MS.DIRSYNC,
};

/** Splits mount options into flags (bits of `MS`) and what is the file system's own. */
export function mountFlags(options: readonly string[], always = 0): { flags: number; data: string[] } {
  return {
    flags: options.reduce((bits, option) => bits | (FLAGS[option] ?? 0), always),
    data: options.filter((option) => !(option in FLAGS)),
  };
}

/** The attributes (bits of `MOUNT_ATTR`) that mount options ask for, besides read-only. */
export function mountAttributes(options: readonly string[]): number {
  const { flags } = mountFlags(options);
  return (flags & MS.NOSUID ? MOUNT_ATTR.nosuid : 0) |
    (flags & MS.NODEV ? MOUNT_ATTR.nodev : 0) |
    (flags & MS.NOEXEC ? MOUNT_ATTR.noexec : 0);
}
