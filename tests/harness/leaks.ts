import { podSubnet } from "../../deploy/containerd/mod.ts";
import { mentions } from "../../deploy/leftovers.ts";

/**
 * What a node has of the host's resources: taken before and after a test, both must be the same. What others have on the
 * host, its containers, other nodes, is in none of it.
 *
 * Everything is a set of names, so that a difference names what was left over.
 */
export interface Snapshot {
  /** `<command> <pid>` of every process that names the run directory, and their descendants. */
  processes: string[];
  /** Mount points that lie in, or come from, the run directory. */
  mounts: string[];
  /** Network links of the host with an address of the node's own pods. */
  links: string[];
  /** Network namespaces of the processes above and those mounted in the run directory. */
  netns: string[];
  /** Unix sockets bound in the run directory. */
  sockets: string[];
  /** cgroups that are named after one of the node's sandboxes and containers. */
  cgroups: string[];
  /** `<service>: <kind> x <count>` for the open files of our services. */
  fds: string[];
}

const KINDS = ["processes", "mounts", "links", "netns", "sockets", "cgroups", "fds"] as const;

/** What is looked at. */
export interface SnapshotTarget {
  runDir: string;
  /** Of all sandboxes and containers that the node has had. */
  ids: ReadonlySet<string>;
  /** Processes that stay and may be started again, by name; they are told by their names, not their pids. */
  resident: ReadonlyMap<string, number>;
  /** Those of them whose open files are counted. */
  counted: readonly string[];
}

/** Takes a snapshot. What disappears while it is taken is not in it. */
export function takeSnapshot(target: SnapshotTarget): Snapshot {
  const pids = nodeProcesses(target.runDir);
  const names = new Map([...target.resident].map(([name, pid]) => [pid, name]));
  const counted = [...target.resident].filter(([name]) => target.counted.includes(name));
  return {
    processes: [...pids].map(([pid, command]) => names.get(pid) ?? `${command} (pid ${pid})`).sort(),
    mounts: mounts(target.runDir),
    links: linksIn([podSubnet(target.runDir), podSubnet(`${target.runDir}/nerdctl`)]),
    netns: netns(target.runDir, pids.keys()),
    sockets: sockets(target.runDir),
    cgroups: cgroups("/sys/fs/cgroup", 0).filter((path) => isNamedAfter(path, target.ids)).sort(),
    fds: counted.flatMap(([name, pid]) => openFiles(name, pid)).sort(),
  };
}

/** The differences as lines for a person; none where the two are the same. */
export function difference(before: Snapshot, after: Snapshot): string[] {
  const lines: string[] = [];
  for (const kind of KINDS) {
    if (kind === "fds") {
      lines.push(...moreFiles(before.fds, after.fds));
      continue;
    }
    const [had, has] = [new Set(before[kind]), new Set(after[kind])];
    for (const name of has) if (!had.has(name)) lines.push(`+ ${kind}: ${name}`);
    for (const name of had) if (!has.has(name)) lines.push(`- ${kind}: ${name}`);
  }
  return lines;
}

/**
 * The services that have more files open than before. One that was started again meanwhile may have fewer: it connects when it
 * must.
 */
function moreFiles(before: readonly string[], after: readonly string[]): string[] {
  const counted = (line: string) => {
    const at = line.lastIndexOf(" x ");
    return [line.slice(0, at), Number(line.slice(at + 3))] as const;
  };
  const had = new Map(before.map(counted));
  return after.flatMap((line) => {
    const [name, count] = counted(line);
    const earlier = had.get(name) ?? 0;
    return count > earlier ? [`+ fds: ${line}, before x ${earlier}`] : [];
  });
}

/** How often it is looked whether all is as before. */
const SETTLE_STEP_MS = 200;

/**
 * Waits until nothing is left over, at most `timeoutMs`: sockets and processes end a moment after the answer.
 *
 * @returns what is still different
 */
export async function waitForNoLeaks(
  before: Snapshot,
  target: SnapshotTarget,
  timeoutMs = 60_000,
): Promise<string[]> {
  const end = Date.now() + timeoutMs;
  while (true) {
    const lines = difference(before, takeSnapshot(target));
    if (lines.length === 0 || Date.now() > end) return lines;
    await new Promise((resolve) => setTimeout(resolve, SETTLE_STEP_MS));
  }
}

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

function list(path: string): string[] {
  try {
    return [...Deno.readDirSync(path)].map((e) => e.name);
  } catch {
    return [];
  }
}

function link(path: string): string {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return "";
  }
}

/** Pids with their commands: who names the run directory in its arguments, and all descendants of those. */
function nodeProcesses(runDir: string): Map<number, string> {
  const parents = new Map<number, number>();
  const found = new Map<number, string>();
  for (const name of list("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === Deno.pid) continue;
    const stat = read(`/proc/${pid}/stat`);
    const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (!stat || state === "Z" && Number(parent) === Deno.pid) continue;
    parents.set(pid, Number(parent));
    if (mentions(read(`/proc/${pid}/cmdline`), runDir)) found.set(pid, command(pid));
  }
  for (let grown = true; grown;) {
    grown = false;
    for (const [pid, parent] of parents) {
      if (!found.has(parent) || found.has(pid)) continue;
      found.set(pid, command(pid));
      grown = true;
    }
  }
  return found;
}

function command(pid: number): string {
  return read(`/proc/${pid}/comm`).trim();
}

function mounts(runDir: string): string[] {
  const lines = read("/proc/self/mountinfo").split("\n").filter((line) => mentions(line, runDir));
  const points = lines.map((line) => line.split(" ")[4]!);
  // The directory of a service that is there, of no pod: a mount of its own from the service's start on.
  const ofService = new RegExp(`^${RegExp.escape(runDir)}/(?:storage|driver-[\\w-]+)$`);
  return points.filter((point) => !ofService.test(point)).sort();
}

function netns(runDir: string, pids: Iterable<number>): string[] {
  const found = new Set<string>();
  for (const pid of pids) {
    const name = link(`/proc/${pid}/ns/net`);
    if (name) found.add(name);
  }
  for (const line of read("/proc/self/mountinfo").split("\n")) {
    const fields = line.split(" ");
    if (line.includes(" nsfs ") && mentions(line, runDir)) found.add(fields[4]!);
  }
  return [...found].sort();
}

function sockets(runDir: string): string[] {
  const paths = read("/proc/net/unix").split("\n").map((line) => line.split(" ").at(-1)!);
  return [...new Set(paths.filter((path) => mentions(path, runDir)))].sort();
}

/**
 * Host ends of the links of pods, which carry the address of their gateway.
 *
 * @param subnets of 256 addresses: `10.137.4.0/24`
 */
function linksIn(subnets: readonly string[]): string[] {
  const starts = subnets.map((subnet) => subnet.slice(0, subnet.lastIndexOf(".") + 1));
  const ours = Deno.networkInterfaces().filter(({ address }) =>
    starts.some((start) => address.startsWith(start))
  );
  return [...new Set(ours.map(({ name }) => name))].sort();
}

/** Longer ids are looked for within names, as systemd's scopes have them; shorter ones, which a person has chosen, are not. */
const UNMISTAKABLE_LENGTH = 16;

function isNamedAfter(path: string, ids: ReadonlySet<string>): boolean {
  const parts = path.split("/");
  for (const id of ids) {
    const named = (part: string) =>
      part === id || part === `kuasar_${id}` || id.length >= UNMISTAKABLE_LENGTH && part.includes(id);
    if (parts.some(named)) return true;
  }
  return false;
}

/** At most this deep: what lies deeper than a pod's container is not ours. */
const CGROUP_DEPTH = 8;

function cgroups(dir: string, depth: number): string[] {
  if (depth > CGROUP_DEPTH) return [];
  const found: string[] = [];
  try {
    for (const entry of Deno.readDirSync(dir)) {
      if (!entry.isDirectory) continue;
      const path = `${dir}/${entry.name}`;
      found.push(path, ...cgroups(path, depth + 1));
    }
  } catch {
    // a cgroup that went while it was read
  }
  return found;
}

/** Opened and closed by Deno's event loop as it likes; `openFilesOf` counts them too. */
const OF_THE_RUNTIME = ["anon_inode:[eventfd]", "anon_inode:[eventpoll]", "anon_inode:inotify"];

/** How many open files a process has, of every kind. */
export function openFilesOf(pid: number): number {
  return list(`/proc/${pid}/fd`).length;
}

function openFiles(service: string, pid: number): string[] {
  const counts = new Map<string, number>();
  for (const fd of list(`/proc/${pid}/fd`)) {
    const target = link(`/proc/${pid}/fd/${fd}`);
    if (!target) continue;
    // `socket:[123]`, `pipe:[5]`, `anon_inode:[eventpoll]` or a path
    const kind = target.replace(/:\[\d+\]$/, "");
    if (OF_THE_RUNTIME.includes(kind)) continue;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return [...counts].map(([kind, count]) => `${service}: ${kind} x ${count}`);
}
