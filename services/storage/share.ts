import { cleanUp } from "../../lib/cleanup/mod.ts";
import { KuasarError } from "../../lib/errors/mod.ts";
import { exists } from "../../lib/files/mod.ts";
import { bindMount, openPath, readMountinfo, unmountBelow } from "../../lib/mounts/mod.ts";
import { isAlive } from "../../lib/process/mod.ts";
import { type Environment } from "./environment.ts";
import { undoneFailure } from "./failure.ts";
import { removeOwnTree } from "./files.ts";
import { type SandboxPaths, sandboxPaths } from "./paths.ts";
import { type ShareKindName } from "./state.ts";
import { type DaemonPlace, removeFile, startVirtiofsd, stopVirtiofsd, watchVirtiofsd } from "./virtiofsd.ts";

/**
 * Makes the share of a sandbox. Repeated, it changes nothing, except that a daemon that has ended is started anew
 * (virtiofsd ends with its VMM's connection).
 *
 * @param place how a daemon starts
 * @throws FAILED_PRECONDITION where the sandbox has a share of the other kind
 */
export async function createShare(
  environment: Environment,
  sandboxId: string,
  kind: ShareKindName,
  place: DaemonPlace,
): Promise<SandboxPaths> {
  const { state, runDir } = environment;
  const paths = sandboxPaths(runDir, sandboxId);
  const record = state.shares.get(sandboxId);
  if (record?.state === "ready" && isShareMounted(paths)) {
    if (record.kind !== kind) {
      throw new KuasarError(
        "FAILED_PRECONDITION",
        `Cannot share by ${kind}: sandbox ${sandboxId} shares by ${record.kind} already`,
      );
    }
    if (kind === "virtiofs" && !(record.daemon && isAlive(record.daemon))) {
      await startDaemon(environment, sandboxId, paths, place);
    }
    return paths;
  }
  // What an interrupted attempt has left would be in the way.
  if (record || exists(paths.base)) await removeShare(environment, sandboxId);
  state.shares.put(sandboxId, { kind, state: "creating" });
  try {
    mountShare(paths);
    if (kind === "virtiofs") await startDaemon(environment, sandboxId, paths, place);
    else state.shares.put(sandboxId, { kind, state: "ready" });
    return paths;
  } catch (error) {
    throw await undoneFailure(error, `Cannot make the share of ${sandboxId}`, {
      name: "undo the share",
      run: () => removeShare(environment, sandboxId),
    });
  }
}

/**
 * Mounts, in a private corner of the host's mount tree, our own tree read-only as what the guest sees. The guest
 * can write in the rootfs and volumes mounted there and nowhere else, so no path that the host resolves below the
 * share can hold a link of the guest's (docs/decisions/read-only-share.md).
 */
function mountShare(paths: SandboxPaths): void {
  Deno.mkdirSync(paths.base, { recursive: true, mode: 0o700 });
  Deno.mkdirSync(paths.tree, { mode: 0o755 });
  Deno.mkdirSync(paths.shared, { mode: 0o755 });
  // Opened before its directory becomes unbindable, as it would be too.
  using tree = openPath(paths.tree);
  using base = openPath(paths.base);
  // Unbindable: private, so that nothing here is copied into other mount namespaces, and left out when another
  // pod binds a directory above.
  bindMount(base, paths.base, { propagation: "unbindable" });
  // Shared: what is mounted below later reaches virtiofsd's namespace.
  bindMount(tree, paths.shared, { readOnly: true, propagation: "shared" });
}

async function startDaemon(
  environment: Environment,
  sandboxId: string,
  paths: SandboxPaths,
  place: DaemonPlace,
): Promise<void> {
  const { state, virtiofsd } = environment;
  const daemon = await startVirtiofsd(virtiofsd, paths, place);
  state.shares.put(sandboxId, { kind: "virtiofs", state: "ready", daemon: daemon.ref });
  watchVirtiofsd(environment, sandboxId, daemon, paths.log);
}

/**
 * Takes the share away with all that is mounted in it. Idempotent.
 *
 * @throws ABORTED naming what is left; the call may be repeated
 */
export async function removeShare(environment: Environment, sandboxId: string): Promise<void> {
  const { state, runDir } = environment;
  const paths = sandboxPaths(runDir, sandboxId);
  const record = state.shares.get(sandboxId);
  if (!record && !exists(paths.base)) return;
  if (record) state.shares.put(sandboxId, { ...record, state: "removing" });
  await cleanUp(`the share of ${sandboxId}`, [
    { name: "end virtiofsd", run: () => stopVirtiofsd(environment, record?.daemon, paths.shared) },
    { name: "unmount the share", run: () => void unmountBelow(paths.base) },
    { name: "remove the daemon's socket", run: () => removeFile(paths.socket) },
    { name: "remove the files of the share", run: () => removeOwnTree(paths.base) },
    { name: "remove the disks of its containers", run: () => environment.images.removeSandbox(sandboxId) },
  ]);
  state.deleteShare(sandboxId);
}

/** Whether the share's own mount is there (it is not after a reboot of the host). */
export function isShareMounted(paths: SandboxPaths): boolean {
  return readMountinfo().some(({ mountPoint }) => mountPoint === paths.shared);
}
