import { cleanUp } from "../../lib/cleanup/mod.ts";
import { KuasarError } from "../../lib/errors/mod.ts";
import { exists } from "../../lib/files/mod.ts";
import { unmountBelow } from "../../lib/mounts/mod.ts";
import {
  type PrepareContainerRequest,
  PrepareContainerRequest as RequestCodec,
  type PrepareContainerResponse,
} from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { applyPlan } from "./apply_plan.ts";
import { type Attachment } from "./attachment.ts";
import { OWN_IMAGES, prepareDisks } from "./block/prepare_disks.ts";
import { type Environment } from "./environment.ts";
import { undoneFailure } from "./failure.ts";
import { removeOwnTree } from "./files.ts";
import { attachmentPlace, ATTACHMENTS, guestBundle } from "./guest_paths.ts";
import { hostFacts } from "./host_facts.ts";
import { containerPaths, type SandboxPaths, sandboxPaths, storageDir } from "./paths.ts";
import { emptyPlan, shortHash } from "./plan.ts";
import { readBundle } from "./read_bundle.ts";
import { planRootfs } from "./rootfs.ts";
import { rewriteSpec } from "./spec/chain.ts";
import { planVolumes } from "./volumes.ts";

/**
 * Puts a container's rootfs, volumes and rewritten config.json into the share. The same request again gets the
 * same answer; on failure nothing is left.
 *
 * @throws FAILED_PRECONDITION without a share; ALREADY_EXISTS for another request with the same id;
 * INVALID_ARGUMENT, UNIMPLEMENTED for a spec that cannot run in a VM
 */
export async function prepareContainer(
  environment: Environment,
  request: PrepareContainerRequest,
): Promise<PrepareContainerResponse> {
  const { state, runDir, log, block } = environment;
  const { sandboxId, containerId } = request;
  const sandbox = sandboxPaths(runDir, sandboxId);
  const paths = containerPaths(sandbox, containerId);
  const share = state.shares.get(sandboxId);
  if (share?.state !== "ready") {
    throw new KuasarError(
      "FAILED_PRECONDITION",
      `Cannot prepare ${containerId}: sandbox ${sandboxId} has no share`,
    );
  }
  const requestHash = shortHash(String(RequestCodec.encode(request).finish()));
  const record = state.container(sandboxId, containerId);
  if (record?.state === "ready" && record.response) {
    // A record of before there were returned files names none.
    if (record.requestHash === requestHash) {
      return { ...record.response, returned: record.response.returned ?? [] };
    }
    throw new KuasarError(
      "ALREADY_EXISTS",
      `Cannot prepare ${containerId}: it is prepared already with another rootfs or bundle`,
    );
  }
  // What an interrupted attempt has left would be in the way.
  if (record || exists(paths.tree)) await releaseContainer(environment, sandboxId, containerId);

  const { spec: given, rootfsDir } = readBundle(request.bundle);
  const plan = emptyPlan();
  const facts = hostFacts();
  planRootfs(request.rootfs, rootfsDir, facts, containerId, plan);
  planVolumes(given.mounts ?? [], facts, {
    containerId,
    storageDir: storageDir(runDir),
    pod: { attachments: state.attachments(sandboxId), shared: sandbox.shared },
    ...(share.kind === "block" ? { copies: { writable: block.copy_writable } } : {}),
  }, plan);
  const { spec, notes } = rewriteSpec(given, {
    containerId,
    ownSandbox: containerId === sandboxId,
    sharePid: request.sharePid,
    guestSources: plan.guestSources,
    modesOfHost: plan.modesOfHost,
  });

  state.putContainer(sandboxId, containerId, {
    state: "preparing",
    requestHash,
    attachments: plan.attachments,
  });
  // Until the state knows of the layers that it uses.
  using claims = new DisposableStack();
  try {
    if (share.kind === "block") {
      claims.use(await prepareDisks(environment, { sandboxId, containerId }, plan, spec, paths, sandbox));
    } else applyPlan(plan, spec, paths, sandbox);
  } catch (error) {
    throw await undoneFailure(error, `Cannot prepare ${containerId}`, {
      name: "undo the container",
      run: () => releaseContainer(environment, sandboxId, containerId),
    });
  }
  const response = {
    guestBundle: guestBundle(containerId),
    mounts: plan.guestMounts,
    blockDevices: plan.blockDevices,
    returned: plan.returned,
  };
  state.putContainer(sandboxId, containerId, {
    state: "ready",
    requestHash,
    response,
    attachments: plan.attachments,
  });
  for (const note of [...plan.notes, ...notes]) {
    log.info(note, { sandbox: sandboxId, container: containerId });
  }
  return response;
}

/**
 * Takes a container out of the share. Idempotent; an unknown one is fine.
 *
 * @throws ABORTED naming what is left; the call may be repeated
 */
export async function releaseContainer(
  { state, runDir, images }: Environment,
  sandboxId: string,
  containerId: string,
): Promise<void> {
  const sandbox = sandboxPaths(runDir, sandboxId);
  const paths = containerPaths(sandbox, containerId);
  const record = state.container(sandboxId, containerId);
  if (!record && !exists(paths.tree)) return;
  if (record) state.putContainer(sandboxId, containerId, { ...record, state: "releasing" });
  await cleanUp(`container ${containerId}`, [
    { name: "unmount the rootfs and volumes", run: () => void unmountBelow(paths.shared) },
    { name: "remove the container's files", run: () => removeOwnTree(paths.tree) },
    {
      name: "remove the container's disks",
      run: () => images.removeContainer(sandboxId, containerId, OWN_IMAGES),
    },
    {
      name: "detach the volumes that nobody else uses",
      run: () => detachUnused(sandbox, state.attachments(sandboxId, containerId)),
    },
  ]);
  state.deleteContainer(sandboxId, containerId);
}

function detachUnused({ tree, shared }: SandboxPaths, used: readonly Attachment[]): void {
  const ids = new Set(used.map(({ id }) => id));
  if (!exists(`${tree}/${ATTACHMENTS}`)) return;
  for (const { name } of Deno.readDirSync(`${tree}/${ATTACHMENTS}`)) {
    if (ids.has(name)) continue;
    const place = attachmentPlace(name);
    unmountBelow(`${shared}/${place}`);
    // Nothing is ever mounted in `tree`, so what goes is our own empty mount point.
    Deno.removeSync(`${tree}/${place}`);
  }
}
