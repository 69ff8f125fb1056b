import { type Entry, inOrder } from "./entry.ts";

const OURS = "kuasar";

function text(path: string, content: string, mode = 0o644): Entry {
  return { kind: "file", path, mode, content: new TextEncoder().encode(content), origin: OURS };
}

function link(path: string, target: string): Entry {
  return { kind: "link", path, mode: 0o777, target, origin: OURS };
}

/** Directories, with the usual links of a merged /usr. The agent mounts over the empty ones. */
const DIRECTORIES: readonly [path: string, mode: number][] = [
  ["dev", 0o755],
  ["etc", 0o755],
  ["proc", 0o555],
  ["root", 0o700],
  ["run", 0o755],
  ["sys", 0o555],
  ["tmp", 0o1777],
  ["usr", 0o755],
  ["usr/bin", 0o755],
  ["usr/lib", 0o755],
  ["usr/lib64", 0o755],
  ["usr/sbin", 0o755],
  ["var", 0o755],
  ["var/tmp", 0o1777],
];

/** What a person needs at the debug console. */
const APPLETS =
  "ash cat chmod clear cp cut date dd df dmesg du echo env false find free grep head hexdump hostname id ifconfig ip kill less ln ls lsof md5sum mkdir mknod mount mv nc netstat nslookup pgrep ping ping6 printf ps pwd reboot rm rmdir route sed sh sha256sum sleep sort stat strings stty sync tail tar test top touch tr true tty umount uname uptime vi wc wget which xargs"
    .split(" ");

/** Where the initramfs' console is, before /dev is mounted: without it PID 1 has no output. */
const CONSOLE: Entry = { kind: "device", path: "dev/console", mode: 0o600, major: 5, minor: 1, origin: OURS };

/** What the tree is made of. */
export interface Parts {
  /** The static agent binary. */
  agent: Uint8Array;
  /** A static busybox and where it comes from. */
  busybox: { content: Uint8Array; origin: string };
  /** crun with its libraries. */
  crun: readonly Entry[];
}

/** The root file system of the guest: the agent as init, crun, and a shell for the debug console. */
export function guestTree(parts: Parts): Entry[] {
  return inOrder([
    ...DIRECTORIES.map(([path, mode]): Entry => ({ kind: "directory", path, mode, origin: OURS })),
    CONSOLE,
    link("bin", "usr/bin"),
    link("lib", "usr/lib"),
    link("lib64", "usr/lib64"),
    link("sbin", "usr/sbin"),
    link("var/run", "/run"),
    link("init", "usr/sbin/init"),
    { kind: "file", path: "usr/sbin/init", mode: 0o755, content: parts.agent, origin: OURS },
    { kind: "file", path: "usr/bin/busybox", mode: 0o755, ...parts.busybox },
    ...APPLETS.map((name) => link(`usr/bin/${name}`, "busybox")),
    ...parts.crun,
    text("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"),
    text("etc/group", "root:x:0:\nnogroup:x:65534:\n"),
    text("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
    text("etc/os-release", 'ID=kuasar\nNAME="Kuasar guest"\nPRETTY_NAME="Kuasar guest"\n'),
    // The root may be read-only; these three are the pod's and change with it.
    link("etc/hostname", "/run/kuasar/pod/hostname"),
    link("etc/hosts", "/run/kuasar/pod/hosts"),
    link("etc/resolv.conf", "/run/kuasar/pod/resolv.conf"),
  ]);
}
