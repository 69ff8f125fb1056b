import { allHierarchies } from "../../lib/cgroups/mod.ts";
import { landlockVersion } from "../../lib/libc/mod.ts";
import { type MountEntry, readMountinfo } from "../../lib/mounts/mod.ts";

/** The first version with which files can be renamed into another folder, as guests do (guest/native/jail_landlock.c). */
const LANDLOCK_NEEDED = 2;

/** One thing that was looked at. */
export interface Finding {
  what: string;
  /** `ok`, `slow` for what works with a penalty, `absent` for what this host may do without, `missing` for what stops pods. */
  verdict: "ok" | "slow" | "absent" | "missing";
  detail: string;
  /** How to get it. */
  remedy?: string;
}

/** What the verdicts follow from. */
export interface HostFacts {
  cpuinfo: string;
  /** Whether the file can be opened for reading and writing. */
  kvm: boolean;
  vhostVsock: boolean;
  tun: boolean;
  uid: number;
  filesystems: string;
  /** Modules that the kernel loads by itself when they are asked for: `modules.dep` and `modules.builtin`. */
  modules: string;
  /** How mounts spread from `/`: `shared`, `private`, ... */
  propagation: string;
  appArmor: boolean;
  /** The version of Landlock's interface; 0 for none. */
  landlock: number;
  /** Versions of cgroups that are mounted. */
  cgroups: readonly (1 | 2)[];
}

function opens(path: string): boolean {
  try {
    Deno.openSync(path, { read: true, write: true }).close();
    return true;
  } catch {
    return false;
  }
}

/** Empty where there is no such file. */
function textOf(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

function propagationOf(root: MountEntry | undefined): string {
  const kinds = root?.propagation.map((tag) => tag.startsWith("master") ? "slave" : tag.split(":")[0]!) ?? [];
  return kinds.length === 0 ? "private" : kinds.join(" and ");
}

/** Looks at this host. */
export function hostFacts(): HostFacts {
  return {
    cpuinfo: Deno.readTextFileSync("/proc/cpuinfo"),
    kvm: opens("/dev/kvm"),
    vhostVsock: opens("/dev/vhost-vsock"),
    tun: opens("/dev/net/tun"),
    uid: Deno.uid() ?? -1,
    filesystems: Deno.readTextFileSync("/proc/filesystems"),
    modules: ["modules.dep", "modules.builtin"].map((name) =>
      textOf(`/lib/modules/${Deno.osRelease()}/${name}`)
    ).join(""),
    propagation: propagationOf(readMountinfo().findLast(({ mountPoint }) => mountPoint === "/")),
    appArmor: textOf("/sys/module/apparmor/parameters/enabled").startsWith("Y"),
    landlock: landlockVersion(),
    cgroups: [...new Set(allHierarchies().map(({ version }) => version))].sort(),
  };
}

/** What the facts mean for pods in microVMs. */
export function judgeHost(facts: HostFacts): Finding[] {
  const cpuHasKvm = /^flags\s*:.*\b(vmx|svm)\b/m.test(facts.cpuinfo) || /^Features\s*:/m.test(facts.cpuinfo);
  const accel: Finding = facts.kvm && cpuHasKvm
    ? { what: "acceleration", verdict: "ok", detail: "KVM" }
    : facts.kvm
    ? {
      what: "acceleration",
      verdict: "slow",
      detail:
        "emulation (TCG): /dev/kvm is there, but the CPU shows neither vmx nor svm, so it cannot run a stock kernel",
      remedy: "use bare metal, or a virtual machine with nested virtualisation in hardware",
    }
    : {
      what: "acceleration",
      verdict: "slow",
      detail: "emulation (TCG): /dev/kvm cannot be opened",
      remedy: cpuHasKvm
        ? "modprobe kvm_intel or kvm_amd, and run as root"
        : "turn virtualisation on in the firmware",
    };
  const vsock: Finding = facts.vhostVsock
    ? { what: "vsock", verdict: "ok", detail: "/dev/vhost-vsock" }
    : { what: "vsock", verdict: "ok", detail: "vhost-device-vsock, as there is no /dev/vhost-vsock" };
  const tun: Finding = facts.tun ? { what: "tap devices", verdict: "ok", detail: "/dev/net/tun" } : {
    what: "tap devices",
    verdict: "missing",
    detail: "/dev/net/tun cannot be opened",
    remedy: "modprobe tun",
  };
  const overlay: Finding = /\boverlay\b/.test(facts.filesystems)
    ? { what: "overlayfs", verdict: "ok", detail: "in the kernel" }
    : /\/overlay\.ko/.test(facts.modules)
    ? { what: "overlayfs", verdict: "ok", detail: "a module, which the first mount loads" }
    : { what: "overlayfs", verdict: "missing", detail: "not in this kernel", remedy: "modprobe overlay" };
  const root: Finding = facts.uid === 0
    ? { what: "user", verdict: "ok", detail: "root" }
    : { what: "user", verdict: "missing", detail: `uid ${facts.uid}`, remedy: "run as root" };
  const mounts: Finding = { what: "mounts", verdict: "ok", detail: `/ is ${facts.propagation}` };
  const labels: Finding = {
    what: "AppArmor",
    verdict: "ok",
    detail: facts.appArmor
      ? "on: its profiles hold for pods of kuasar-runc and kuasar-wasm; those of other kinds have kernels of their own"
      : "off",
  };
  return [root, accel, vsock, tun, overlay, cgroupFinding(facts), mounts, labels, landlockFinding(facts)];
}

/** Without it VMMs have one lock less. */
function landlockFinding({ landlock }: HostFacts): Finding {
  const what = "Landlock";
  if (landlock >= LANDLOCK_NEEDED) {
    return { what, verdict: "ok", detail: `version ${landlock}: VMMs are closed in their roots` };
  }
  return {
    what,
    verdict: "absent",
    detail: landlock === 0 ? "not in this kernel, or not on" : `version ${landlock}, which is too old`,
    remedy:
      "Linux 5.19 or later, with landlock among the lsm= of its command line; VMMs keep their other locks without it",
  };
}

/** Pods of namespaces need one; those of VMs do well with one. */
function cgroupFinding({ cgroups }: HostFacts): Finding {
  const what = "cgroups";
  if (cgroups.length === 0) {
    const detail = "none is mounted: pods without a VM cannot run, others have no limits on the host";
    return { what, verdict: "missing", detail, remedy: "mount -t cgroup2 none /sys/fs/cgroup" };
  }
  const both = cgroups.length > 1 ? "; crun is started in a mount namespace of its own" : "";
  return { what, verdict: "ok", detail: `version ${cgroups.join(" and ")}${both}` };
}
