import { asKuasarError, KuasarError } from "../../lib/errors/mod.ts";
import { checkId } from "../../lib/oci/mod.ts";
import type {
  LookupResponse,
  PrepareContainerRequest,
  PrepareContainerResponse,
  ReleaseContainerRequest,
} from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import type { Context } from "./context.ts";
import { toEndpoint } from "./guest.ts";
import { containerOomScoreAdj, followContainers } from "./oom_score.ts";
import { repeat } from "./repeat.ts";
import { readSpec } from "./read_spec.ts";
import type { DeviceRecord, SandboxRecord } from "./record.ts";
import type { Sandbox } from "./sandbox.ts";
import { shutdownSandbox } from "./shutdown.ts";
import { joinsPid } from "./standalone_spec.ts";

/**
 * Tells where the agent of a sandbox is.
 *
 * @throws NOT_FOUND, FAILED_PRECONDITION for one that is not ready
 */
export function lookupSandbox({ registry }: Context, id: string): LookupResponse {
  const { record } = readySandbox(registry.get(id));
  return { guest: toEndpoint(record.guest), pid: record.pid };
}

/**
 * Makes a container's files and disks ready in its sandbox. May be repeated; a failure undoes what was done.
 *
 * @throws NOT_FOUND, FAILED_PRECONDITION for a sandbox that is not ready, or what storage or the driver answer
 */
export async function prepareContainer(
  context: Context,
  request: PrepareContainerRequest,
): Promise<PrepareContainerResponse> {
  checkId(request.containerId, "container id");
  const sandbox = readySandbox(context.registry.get(request.sandboxId));
  return await forContainer(context, sandbox, request.containerId, async () => {
    readySandbox(sandbox);
    try {
      return await prepare(context, sandbox, request);
    } catch (error) {
      await release(context, sandbox, request.containerId).catch((second) => {
        // What is left goes with the sandbox.
        context.log.warn("Cannot undo the preparation of a container", {
          container: request.containerId,
          error: asKuasarError(second),
        });
      });
      throw error;
    }
  });
}

/**
 * Takes a container's files and disks away. May be repeated; an unknown sandbox or container is fine.
 *
 * @throws what storage or the driver answer
 */
export async function releaseContainer(
  context: Context,
  { sandboxId, containerId }: ReleaseContainerRequest,
): Promise<void> {
  checkId(containerId, "container id");
  const sandbox = context.registry.find(sandboxId);
  // A sandbox that was made for this task goes with it, and takes all the rest along.
  if (sandbox?.record.standalone && containerId === sandboxId) {
    return await removeStandalone(context, sandboxId);
  }
  // Everything of a container goes with its sandbox.
  if (sandbox?.state !== "ready") return;
  await forContainer(context, sandbox, containerId, () => release(context, sandbox, containerId));
}

async function removeStandalone(context: Context, id: string): Promise<void> {
  try {
    await shutdownSandbox(context, id);
  } catch (error) {
    if (!hasCode(error, "NOT_FOUND")) throw error;
  }
}

function readySandbox(sandbox: Sandbox): Sandbox {
  const { id, state, record } = sandbox;
  if (state === "ready") return sandbox;
  const why = record.reason ? ` (${record.reason})` : "";
  throw new KuasarError(
    "FAILED_PRECONDITION",
    `Cannot use sandbox ${id}: it is not ready, its current state is ${state}${why}`,
  );
}

/** One call per container at a time; the cleanup of a sandbox waits for all of them. */
async function forContainer<T>(
  { locks }: Context,
  sandbox: Sandbox,
  containerId: string,
  work: () => Promise<T>,
): Promise<T> {
  const running = locks.run(`${sandbox.id}/${containerId}`, work);
  sandbox.preparing.add(running);
  try {
    return await running;
  } finally {
    sandbox.preparing.delete(running);
  }
}

async function prepare(
  context: Context,
  sandbox: Sandbox,
  request: PrepareContainerRequest,
): Promise<PrepareContainerResponse> {
  const { peers, registry, config } = context;
  const { record } = sandbox;
  const { containerId } = request;
  if (record.onHost) return await prepareOnHost(context, sandbox, request);
  const before = registry.container(sandbox.id, containerId)?.devices ?? [];
  const oomScoreAdj = containerOomScoreAdj(request.bundle);
  registry.putContainer({ sandboxId: sandbox.id, containerId, devices: before, oomScoreAdj });
  followContainers(context, sandbox);
  const wanted = { ...request, sharePid: sharesPid(record, request.bundle) };
  const prepared = await repeat(
    (timeoutMs) => peers.storage.prepareContainer(wanted, { timeoutMs }),
    { timeoutMs: config.timeouts.start_ms },
  );
  registry.putContainer({ sandboxId: sandbox.id, containerId, devices: prepared.blockDevices, oomScoreAdj });
  const places = await attachAll(context, sandbox, prepared.blockDevices);
  return {
    guest: toEndpoint(record.guest),
    guestBundle: prepared.guestBundle,
    mounts: prepared.mounts.map((mount) => ({ ...mount, source: places.get(mount.source) ?? mount.source })),
    sandboxPid: record.pid,
    runtime: undefined,
    netnsPath: record.netnsPath,
    returned: prepared.returned,
  };
}

/** What CRI tells of a pod, it tells of each container where it does not use the Sandbox API. */
function sharesPid({ sharePid, standalone }: Readonly<SandboxRecord>, bundle: string): boolean {
  return standalone && sharePid ? joinsPid(readSpec(bundle)) : sharePid;
}

/** A sandbox without a kernel of its own: its driver knows the namespaces and the runtime. */
async function prepareOnHost(
  context: Context,
  sandbox: Sandbox,
  request: PrepareContainerRequest,
): Promise<PrepareContainerResponse> {
  const { peers, registry, config } = context;
  const { id: sandboxId, record } = sandbox;
  const oomScoreAdj = containerOomScoreAdj(request.bundle);
  registry.putContainer({ sandboxId, containerId: request.containerId, devices: [], oomScoreAdj });
  followContainers(context, sandbox);
  const { runtime } = await repeat(
    (timeoutMs) => peers.driver(record.driver).prepareContainer(request, { timeoutMs }),
    { timeoutMs: config.timeouts.start_ms },
  );
  if (!runtime) {
    throw new KuasarError(
      "INTERNAL",
      `Cannot prepare container ${request.containerId}: driver ${record.driver} named no runtime`,
    );
  }
  return {
    guest: undefined,
    guestBundle: runtime.bundle,
    mounts: [],
    sandboxPid: record.pid,
    runtime,
    netnsPath: "",
    returned: [],
  };
}

/**
 * Plugs disks in.
 *
 * @returns where the guest finds those that it does not know by their serials, by how storage has named them
 */
async function attachAll(
  { peers, config }: Context,
  sandbox: Sandbox,
  devices: readonly DeviceRecord[],
): Promise<Map<string, string>> {
  const driver = peers.driver(sandbox.record.driver);
  const places = new Map<string, string>();
  const results = await Promise.allSettled(devices.map(async (device) => {
    const request = { sandboxId: sandbox.id, device };
    try {
      const { guestSource } = await repeat((timeoutMs) => driver.attachBlock(request, { timeoutMs }), {
        timeoutMs: config.timeouts.start_ms,
      });
      if (guestSource !== undefined) places.set(`serial:${device.serial}`, guestSource);
    } catch (error) {
      // An earlier attempt whose answer was lost.
      if (!hasCode(error, "ALREADY_EXISTS")) throw error;
    }
  }));
  for (const result of results) if (result.status === "rejected") throw result.reason;
  return places;
}

async function release(context: Context, sandbox: Sandbox, containerId: string): Promise<void> {
  const { peers, registry, config } = context;
  const request = { sandboxId: sandbox.id, containerId };
  const options = { timeoutMs: config.timeouts.peer_ms };
  const driver = peers.driver(sandbox.record.driver);
  const devices = registry.container(sandbox.id, containerId)?.devices ?? [];
  const results = await Promise.allSettled(devices.map(async ({ serial }) => {
    try {
      const detach = { sandboxId: sandbox.id, serial };
      await repeat((timeoutMs) => driver.detachBlock(detach, { timeoutMs }), options);
    } catch (error) {
      if (!hasCode(error, "NOT_FOUND")) throw error;
    }
  }));
  for (const result of results) if (result.status === "rejected") throw result.reason;
  const owner = sandbox.record.onHost ? driver : peers.storage;
  await repeat((timeoutMs) => owner.releaseContainer(request, { timeoutMs }), options);
  registry.deleteContainer(sandbox.id, containerId);
  followContainers(context, sandbox);
}

function hasCode(error: unknown, code: KuasarError["code"]): boolean {
  return error instanceof KuasarError && error.code === code;
}
