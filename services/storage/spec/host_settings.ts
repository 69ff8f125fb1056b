import { type Resources, withoutLabels } from "../../../lib/oci/mod.ts";
import { type SpecStep, without } from "./step.ts";

export const labels: SpecStep = {
  name: "labels",
  why: "AppArmor profiles and SELinux labels are loaded in the host's kernel, not in the guest's",
  apply(spec) {
    const changed = { ...spec };
    if (spec.process) changed.process = withoutLabels(spec.process);
    if (spec.linux) changed.linux = without(spec.linux, "mountLabel");
    return { spec: changed };
  },
};

export const sysctls: SpecStep = {
  name: "sysctls",
  why:
    "where a sandbox was made for one container (Docker, `ctr run`), its sysctls are set in the guest's own " +
    "namespaces, which no container could",
  apply(spec, { ownSandbox }) {
    if (!ownSandbox || !spec.linux) return { spec };
    return { spec: { ...spec, linux: without(spec.linux, "sysctl") } };
  },
};

export const cpuset: SpecStep = {
  name: "cpuset",
  why: "CPU and memory node numbers are the host's; the guest has its own, fewer ones",
  apply(spec) {
    const cpu = spec.linux?.resources?.cpu;
    if (!cpu) return { spec };
    const resources = { ...spec.linux!.resources, cpu: without(cpu, "cpus", "mems") };
    return { spec: { ...spec, linux: { ...spec.linux, resources } } };
  },
};

export const cgroupsPath: SpecStep = {
  name: "cgroups-path",
  why:
    "the host's cgroup (and systemd slice) does not exist in the guest: every container has `/kuasar/<id>`",
  apply(spec, { containerId }) {
    return { spec: { ...spec, linux: { ...spec.linux, cgroupsPath: `/kuasar/${containerId}` } } };
  },
};

/** Parts of blockIO that name devices of the host. */
const BLOCK_IO_BY_DEVICE = [
  "weightDevice",
  "throttleReadBpsDevice",
  "throttleWriteBpsDevice",
  "throttleReadIOPSDevice",
  "throttleWriteIOPSDevice",
] as const;

export const hostLimits: SpecStep = {
  name: "host-limits",
  why:
    "limits on the host's hardware (RDT, huge page sizes, devices' throughput, RDMA, network classes) would " +
    "fail or hit something else in the guest",
  apply(spec) {
    if (!spec.linux) return { spec };
    const linux = without(spec.linux, "intelRdt", "netDevices");
    if (!spec.linux.resources) return { spec: { ...spec, linux } };
    const resources: Resources = without(spec.linux.resources, "network", "rdma", "hugepageLimits");
    if (typeof resources.blockIO === "object" && resources.blockIO !== null) {
      resources.blockIO = without(resources.blockIO, ...BLOCK_IO_BY_DEVICE);
    }
    return { spec: { ...spec, linux: { ...linux, resources } } };
  },
};

/** What the sandboxer runs on the host for a container that a sandbox is made for. */
const RUN_ELSEWHERE = ["prestart", "createRuntime", "poststop"];

export const hooks: SpecStep = {
  name: "hooks",
  why:
    "hooks are programs of the host; in the guest they do not exist. Those of a container that a sandbox was made " +
    "for are run on the host by the sandboxer: `prestart`, `createRuntime`, `poststop`",
  apply(spec, { ownSandbox }) {
    if (spec.hooks === undefined) return { spec };
    const kinds = typeof spec.hooks === "object" && spec.hooks !== null ? Object.keys(spec.hooks) : [];
    const dropped = kinds.filter((kind) => !ownSandbox || !RUN_ELSEWHERE.includes(kind));
    return {
      spec: without(spec, "hooks"),
      ...(dropped.length ? { notes: [`hooks are not run in a VM: dropped ${dropped.join(", ")}`] } : {}),
    };
  },
};
