import { type Spec } from "../../../lib/oci/mod.ts";
import { type SpecContext, type SpecStep } from "./step.ts";

/** The spec that containerd 2.1 writes for a minimal container of a pod. */
export function minimalSpec(): Spec {
  const ns = (type: "ipc" | "uts" | "network", file: string = type) => ({
    type,
    path: `/proc/5042/ns/${file}`,
  });
  return {
    ociVersion: "1.2.1",
    process: {
      user: { uid: 0, gid: 0, additionalGids: [0] },
      args: ["sleep", "60"],
      env: ["PATH=/bin", "HOSTNAME=pod"],
      cwd: "/",
    },
    root: { path: "rootfs" },
    mounts: [
      { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
      {
        destination: "/dev",
        type: "tmpfs",
        source: "tmpfs",
        options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
      },
      {
        destination: "/dev/pts",
        type: "devpts",
        source: "devpts",
        options: ["nosuid", "noexec", "newinstance"],
      },
      {
        destination: "/dev/shm",
        type: "tmpfs",
        source: "shm",
        options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
      },
      {
        destination: "/dev/mqueue",
        type: "mqueue",
        source: "mqueue",
        options: ["nosuid", "noexec", "nodev"],
      },
      { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
      {
        destination: "/sys/fs/cgroup",
        type: "cgroup",
        source: "cgroup",
        options: ["nosuid", "noexec", "nodev", "relatime", "ro"],
      },
    ],
    annotations: { "io.kubernetes.cri.container-type": "container" },
    linux: {
      resources: { devices: [{ allow: false, access: "rwm" }] },
      cgroupsPath: "/k8s.io/c1",
      namespaces: [{ type: "pid" }, ns("ipc"), ns("uts"), { type: "mount" }, ns("network", "net")],
    },
  };
}

/** Applies one step to the minimal spec with changes. */
export function applied(step: SpecStep, change: Partial<Spec> = {}, context: Partial<SpecContext> = {}) {
  const full = { containerId: "c1", sharePid: false, guestSources: new Map<number, string>(), ...context };
  return step.apply({ ...minimalSpec(), ...change }, full);
}
