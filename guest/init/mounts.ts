import * as sys from "../native/sys.js";
import { log } from "../runtime/log.ts";

/** A file system of the guest. */
interface GuestMount {
  readonly type: string;
  readonly target: string;
  readonly flags: number;
  readonly data?: string;
  /** Without it the guest works too: a failure is a warning. */
  readonly optional?: boolean;
}

/** In this order: a later one may lie in an earlier one. Evaluated late, since `sys` is empty outside of the agent. */
const mounts = (): readonly GuestMount[] => {
  const { NOSUID, NODEV, NOEXEC } = sys.MS;
  return [
    { type: "proc", target: "/proc", flags: NOSUID | NODEV | NOEXEC },
    { type: "sysfs", target: "/sys", flags: NOSUID | NODEV | NOEXEC },
    { type: "devtmpfs", target: "/dev", flags: NOSUID, data: "mode=0755" },
    { type: "devpts", target: "/dev/pts", flags: NOSUID | NOEXEC, data: "gid=5,mode=620,ptmxmode=666" },
    { type: "tmpfs", target: "/dev/shm", flags: NOSUID | NODEV, data: "mode=1777" },
    { type: "mqueue", target: "/dev/mqueue", flags: NOSUID | NODEV | NOEXEC, optional: true },
    { type: "tmpfs", target: "/run", flags: NOSUID | NODEV, data: "mode=0755" },
    { type: "tmpfs", target: "/tmp", flags: NOSUID | NODEV, data: "mode=1777" },
    { type: "cgroup2", target: "/sys/fs/cgroup", flags: NOSUID | NODEV | NOEXEC, data: "nsdelegate" },
    {
      type: "fusectl",
      target: "/sys/fs/fuse/connections",
      flags: NOSUID | NODEV | NOEXEC,
      optional: true,
    },
    { type: "bpf", target: "/sys/fs/bpf", flags: NOSUID | NODEV | NOEXEC, optional: true },
  ];
};

/** Links that programs expect in /dev. */
const LINKS = [
  ["/proc/self/fd", "/dev/fd"],
  ["/proc/self/fd/0", "/dev/stdin"],
  ["/proc/self/fd/1", "/dev/stdout"],
  ["/proc/self/fd/2", "/dev/stderr"],
] as const;

/** Runs `call`, and takes the given errno for success. */
function tolerating(errno: number, call: () => void): void {
  try {
    call();
  } catch (error) {
    if ((error as sys.SysError).errno !== errno) throw error;
  }
}

/** Mounts everything that a guest has. May be repeated. @throws SysError for a mount that must be there */
export function mountAll(): void {
  for (const { type, target, flags, data, optional } of mounts()) {
    try {
      sys.mkdirAll(target);
      // EBUSY: the kernel has mounted it for us.
      tolerating(sys.E.BUSY, () => sys.mount(type, target, type, flags, data));
    } catch (error) {
      if (!optional) throw error;
      log.debug("optional mount is missing", { target, error });
    }
  }
  for (const [target, path] of LINKS) tolerating(sys.E.EXIST, () => sys.symlink(target, path));
}

const CGROUP_ROOT = "/sys/fs/cgroup";
/** The parent of all containers' groups. */
const CONTAINERS = `${CGROUP_ROOT}/kuasar`;

/** One at a time: a controller that cannot be had must not take the others along. */
function enableIn(group: string): void {
  for (const controller of sys.readTextFile(`${group}/cgroup.controllers`).trim().split(" ")) {
    if (!controller) continue;
    try {
      sys.writeFile(`${group}/cgroup.subtree_control`, `+${controller}`, 0, sys.O.WRONLY);
    } catch (error) {
      log.warn("cgroup controller is not available to containers", { controller, error });
    }
  }
}

/** Makes the containers' parent group and hands every cgroup v2 controller down to what will be below it. */
export function enableControllers(): void {
  enableIn(CGROUP_ROOT);
  sys.mkdirAll(CONTAINERS);
  enableIn(CONTAINERS);
}
