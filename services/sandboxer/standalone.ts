import { existsSync } from "node:fs";
import { cgroupFolders, cgroupPath } from "../../lib/cgroups/mod.ts";
import { KuasarError } from "../../lib/errors/mod.ts";
import { checkId } from "../../lib/oci/mod.ts";
import type {
  CreateStandaloneRequest,
  CreateStandaloneResponse,
} from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import { PodSandboxConfig } from "../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";
import type { Context } from "./context.ts";
import { noteSandbox } from "./create.ts";
import { ownNetnsPath } from "./own_netns.ts";
import { readSpec } from "./read_spec.ts";
import { shutdownSandbox } from "./shutdown.ts";
import { type StartCall, startSandbox } from "./start.ts";
import { standaloneSandbox } from "./standalone_spec.ts";

/** `io.containerd.<name>.<version>` (containerd's runtime names). */
const RUNTIME = /^io\.containerd\.([a-z0-9-]{1,64})\.v\d{1,3}$/;

/**
 * Makes and starts a sandbox for a task that containerd has started without one. Asked again, it answers for the sandbox
 * that is there; one that has ended meanwhile is replaced.
 *
 * @throws ALREADY_EXISTS for a sandbox that was made over the Sandbox API; INVALID_ARGUMENT for a bad bundle or runtime;
 *   what a start throws
 */
export async function createStandalone(
  context: Context,
  { sandboxId, runtime, bundle }: CreateStandaloneRequest,
  call: StartCall,
): Promise<CreateStandaloneResponse> {
  const id = checkId(sandboxId, "sandbox id");
  const before = context.registry.find(id);
  if (before && !before.record.standalone) {
    throw new KuasarError("ALREADY_EXISTS", `Cannot create sandbox ${id}: there is one over the Sandbox API`);
  }
  if (before?.state === "ready") return { sandboxPid: before.record.pid };
  if (before) await shutdownSandbox(context, id);
  const { pod, network } = standaloneSandbox(id, readSpec(bundle), (parent) => isCgroup(context, parent));
  noteSandbox(context, {
    id,
    runtimeHandler: runtimeHandlerOf(runtime),
    pod,
    podConfig: PodSandboxConfig.encode(pod).finish(),
    netnsPath: network.kind === "join"
      ? network.path
      : network.kind === "own"
      ? ownNetnsPath(context.runDir, id)
      : "",
    ownNetns: network.kind === "own",
    labels: {},
    standalone: true,
    bundle,
  });
  const { pid } = await startSandbox(context, id, call);
  return { sandboxPid: pid };
}

/** @throws INVALID_ARGUMENT for what is no name of a cgroup */
function isCgroup({ cgroupTrees }: Context, parent: string): boolean {
  const path = cgroupPath(parent);
  return path !== "" &&
    cgroupFolders(path, cgroupTrees).some((folder) => existsSync(`${folder}/cgroup.procs`));
}

/** The handler `kuasar-vmm` of the runtime `io.containerd.kuasar-vmm.v2`. @throws INVALID_ARGUMENT */
export function runtimeHandlerOf(runtime: string): string {
  const name = RUNTIME.exec(runtime)?.[1];
  if (name !== undefined) return name;
  throw new KuasarError(
    "INVALID_ARGUMENT",
    `Cannot choose a driver: ${JSON.stringify(runtime.slice(0, 80))} is no name of a runtime of containerd's`,
  );
}
