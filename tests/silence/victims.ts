import { findSandboxProcess, type Node } from "../harness/mod.ts";

/** A pod as far as processes show it. */
export interface Ids {
  pod: string;
  containers: readonly string[];
}

/** A process that is stopped, by name. */
export interface Victim {
  name: string;
  /** Handlers whose pods have it. */
  handlers: readonly string[];
  /** Its pids; none where this host does without it. */
  find(node: Node, ids: Ids): number[];
  /**
   * True for what serves every pod of the node: it goes on after a while, as systemd's or a person's doing, and only has to have
   * lost nothing. A pod's own process stays stopped: the pod has to be got rid of.
   */
  ofNode?: boolean;
  /** True where the calls of all running containers go through it: they wait for it. */
  carriesCalls?: boolean;
}

const VMS = ["kuasar-qemu"];
const HOSTS = ["kuasar-runc", "kuasar-wasm"];
const ALL = [...VMS, ...HOSTS, "kuasar-gvisor"];

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    // It has ended meanwhile.
    return "";
  }
}

/** The processes of a pod, by the names of their threads and their programs: those that name it or its containers, or are in their cgroups. */
export function processesOf(node: Node, { pod, containers }: Ids): Map<number, string> {
  const resident = new Set([...node.processes.values(), Deno.pid]);
  const found = new Map<number, string>();
  for (const { name } of Deno.readDirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || resident.has(pid)) continue;
    const about = read(`/proc/${pid}/cgroup`) + read(`/proc/${pid}/cmdline`);
    if (![pod, ...containers].some((id) => about.includes(id))) continue;
    const [program = ""] = read(`/proc/${pid}/cmdline`).split("\0");
    found.set(pid, `${read(`/proc/${pid}/comm`).trim()} ${program}`);
  }
  return found;
}

function named(pattern: RegExp): Victim["find"] {
  return (node, ids) =>
    [...processesOf(node, ids)].filter(([, name]) => pattern.test(name)).map(([pid]) => pid);
}

function service(name: string, handlers: readonly string[] = ALL): Victim {
  const find = (node: Node) =>
    [...node.processes].filter(([own]) => own.startsWith(name)).map(([, pid]) => pid);
  return { name, handlers, find, ofNode: true };
}

/** Whom it can happen to. */
export const VICTIMS: readonly Victim[] = [
  {
    name: "VMM",
    handlers: VMS,
    find: (_, { pod }) => [findSandboxProcess(pod) ?? 0].filter((pid) => pid > 0),
  },
  { name: "vsock device", handlers: VMS, find: named(/^vhost-device-vs/) },
  { name: "virtiofsd", handlers: VMS, find: named(/^virtiofsd/) },
  {
    name: "sandbox",
    handlers: ["kuasar-gvisor"],
    find: (_, { pod }) => [findSandboxProcess(pod) ?? 0].filter((pid) => pid > 0),
  },
  { name: "gofer", handlers: ["kuasar-gvisor"], find: named(/gofer/) },
  { name: "pause", handlers: HOSTS, find: named(/^kuasar-pause /) },
  { name: "container", handlers: HOSTS, find: named(/^(?:sleep|wasmedge)/) },
  // All of a pod at once, as a host has it that swaps, or a frozen cgroup.
  { name: "pod", handlers: ALL, find: (node, ids) => [...processesOf(node, ids).keys()] },
  // containerd asks it for a pod's platform before it asks for statistics.
  { ...service("sandboxer"), carriesCalls: true },
  service("network"),
  service("storage"),
  service("driver-"),
  { ...service("task-server"), carriesCalls: true },
  { ...service("kuasar-task"), carriesCalls: true },
];
