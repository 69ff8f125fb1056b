import * as sys from "../native/sys.js";
import { runOk } from "../runtime/run.ts";

/** Where the pod's namespaces are kept; the containers' specs name these paths. */
const DIRECTORY = "/run/sandbox-ns";
const NSFS_MAGIC = 0x6e736673;

/** Those into which a process can step and come back. */
const KINDS = ["ipc", "uts"] as const;
type Kind = (typeof KINDS)[number];

const bit = (kind: Kind): number => ({ ipc: sys.CLONE.NEWIPC, uts: sys.CLONE.NEWUTS })[kind];

function isKept(kind: Kind | "pid"): boolean {
  const path = `${DIRECTORY}/${kind}`;
  return sys.exists(path) && sys.statfs(path).type === NSFS_MAGIC;
}

/** Mounts a namespace on its path: from then on it lives without a process. */
function keep(kind: Kind, source: string): void {
  const path = `${DIRECTORY}/${kind}`;
  sys.writeFile(path, "");
  sys.mount(source, path, "", sys.MS.BIND);
}

/** Enters the namespace at `path`. */
function enter(path: string, kind: Kind): void {
  const fd = sys.open(path, sys.O.RDONLY);
  try {
    sys.setns(fd, bit(kind));
  } finally {
    sys.close(fd);
  }
}

/** Runs `work`, without a break, and comes back to the agent's own namespaces. */
function andBack(work: () => void): void {
  const own: [fd: number, kind: Kind][] = [];
  try {
    for (const kind of KINDS) own.push([sys.open(`/proc/self/ns/${kind}`, sys.O.RDONLY), kind]);
    work();
  } finally {
    for (const [fd, kind] of own) {
      sys.setns(fd, bit(kind));
      sys.close(fd);
    }
  }
}

/**
 * Makes the pod's namespaces and keeps them at /run/sandbox-ns/{ipc,uts}, with `sharePid` also pid. May be repeated.
 *
 * The agent steps into a new namespace, mounts it and steps back: no process is needed. Only a PID namespace dies with its
 * first process, so that one gets a process that does nothing (native/pause.c).
 *
 * @param inside run in the pod's IPC and UTS namespaces: host name and sysctls belong there
 * @throws KuasarError INTERNAL
 */
export async function makeNamespaces(options: { sharePid: boolean }, inside: () => void): Promise<void> {
  sys.mkdirAll(DIRECTORY);
  andBack(() => {
    for (const kind of KINDS) {
      if (isKept(kind)) {
        enter(`${DIRECTORY}/${kind}`, kind);
      } else {
        sys.unshare(bit(kind));
        keep(kind, `/proc/self/ns/${kind}`);
      }
    }
    inside();
  });
  if (options.sharePid && !isKept("pid")) await makePidNamespace();
}

async function makePidNamespace(): Promise<void> {
  const path = `${DIRECTORY}/pid`;
  sys.writeFile(path, "");
  const join = KINDS.flatMap((kind) => ["join", `${DIRECTORY}/${kind}`]);
  // A byte is the leave to stay: a guest does not outlive its agent.
  const stdin = new Uint8Array(1);
  await runOk(["/proc/self/exe", "kuasar-pause", "new", ...join, "keep", path], { stdin });
}
