import * as sys from "../native/sys.js";

/** Where the pod's namespaces are kept; the containers' specs name these paths. */
const DIRECTORY = "/run/sandbox-ns";
const NSFS_MAGIC = 0x6e736673;

type Kind = "ipc" | "uts" | "pid";

const bit = (kind: Kind): number =>
  ({ ipc: sys.CLONE.NEWIPC, uts: sys.CLONE.NEWUTS, pid: sys.CLONE.NEWPID })[kind];

function isKept(kind: Kind): boolean {
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

/** Runs `work`, without a break, and comes back to the agent's own namespaces of these kinds. */
function andBack(kinds: readonly Kind[], work: () => void): void {
  const own: [fd: number, kind: Kind][] = [];
  try {
    for (const kind of kinds) own.push([sys.open(`/proc/self/ns/${kind}`, sys.O.RDONLY), kind]);
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
 * first process, so that one gets a process that does nothing.
 *
 * @param inside run in the pod's IPC and UTS namespaces: host name and sysctls belong there
 */
export function makeNamespaces(options: { sharePid: boolean }, inside: () => void): void {
  sys.mkdirAll(DIRECTORY);
  const kinds: readonly Kind[] = ["ipc", "uts"];
  andBack(kinds, () => {
    for (const kind of kinds) {
      if (isKept(kind)) {
        enter(`${DIRECTORY}/${kind}`, kind);
      } else {
        sys.unshare(bit(kind));
        keep(kind, `/proc/self/ns/${kind}`);
      }
    }
    inside();
  });
  if (options.sharePid && !isKept("pid")) makePidNamespace();
}

function makePidNamespace(): void {
  andBack(["pid"], () => {
    sys.unshare(sys.CLONE.NEWPID);
    const pid = sys.spawn({ argv: ["/proc/self/exe", "kuasar-pause"], cwd: "/", setsid: true });
    keep("pid", `/proc/${pid}/ns/pid`);
  });
}
