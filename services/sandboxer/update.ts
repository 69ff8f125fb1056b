import { asKuasarError, KuasarError } from "../../lib/errors/mod.ts";
import type { ControllerUpdateRequest } from "../../lib/proto/gen/containerd/services/sandbox/v1/sandbox.ts";
import { PodSandboxConfig } from "../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";
import { fromBase64, toBase64 } from "./base64.ts";
import type { Context } from "./context.ts";
import { driverInfo } from "./driver_info.ts";
import { type HeldLimits, heldLimits, withHeldLimits } from "./held_limits.ts";
import { resizeSandbox } from "./resize.ts";
import type { Sandbox } from "./sandbox.ts";
import { moveSandboxLimits } from "./sandbox_limits.ts";
import { unheldDefaults, vmSize } from "./sizing.ts";
import { decodeUpdatedResources, withResources } from "./updated_resources.ts";

/**
 * Takes what containerd has changed of a sandbox. Only new resources of the pod concern us: a VM is resized, the limits of a
 * kernel in a process of the host follow, and a pod of plain namespaces has none but those of the kubelet's cgroup.
 *
 * What cannot be had is never UNIMPLEMENTED: containerd takes that for a sandboxer that knows of no updates, and tells the
 * kubelet that all is done.
 *
 * @throws NOT_FOUND, INVALID_ARGUMENT; FAILED_PRECONDITION or RESOURCE_EXHAUSTED for what cannot be had
 */
export async function updateSandbox(context: Context, request: ControllerUpdateRequest): Promise<void> {
  const { registry, locks, log } = context;
  const sandbox = registry.get(request.sandboxId);
  const updated = decodeUpdatedResources(request.sandbox?.extensions ?? {}, request.fields);
  if (updated === undefined) return;
  await locks.run(sandbox.id, async () => {
    // It may have been removed while this call waited for its turn.
    registry.mustHold(sandbox);
    const before = PodSandboxConfig.decode(fromBase64(sandbox.record.podConfig));
    const after = withResources(before, updated);
    try {
      await applyResources(context, sandbox, before, after);
    } catch (error) {
      const own = asKuasarError(error, `Cannot resize sandbox ${sandbox.id}`);
      log.warn("Not resized", { sandbox: sandbox.id, code: own.code, error: own });
      if (own.code !== "UNIMPLEMENTED") throw own;
      throw new KuasarError("FAILED_PRECONDITION", own.message, { cause: own });
    }
    sandbox.update({ podConfig: toBase64(PodSandboxConfig.encode(after).finish()) });
  });
}

async function applyResources(
  context: Context,
  sandbox: Sandbox,
  before: PodSandboxConfig,
  after: PodSandboxConfig,
): Promise<void> {
  const { id, record } = sandbox;
  if (record.state === "created") return sandbox.update(vmSize(after, context.config.sizing));
  if (record.state !== "ready") {
    throw new KuasarError("FAILED_PRECONDITION", `Cannot resize sandbox ${id}: its state is ${record.state}`);
  }
  const held = heldLimits(context, record);
  if (!record.onHost) return await resizeVm(context, sandbox, after, held);
  if (record.ownKernel && record.cgroup) {
    const [old, wanted] = [withHeldLimits(before, held), withHeldLimits(after, held)];
    moveSandboxLimits(record.cgroup, old, wanted, context.cgroupTrees);
  }
}

async function resizeVm(
  context: Context,
  sandbox: Sandbox,
  pod: PodSandboxConfig,
  held: HeldLimits,
): Promise<void> {
  const { id, record } = sandbox;
  const { config, stopping } = context;
  const info = await driverInfo(context, record.driver, config.timeouts.peer_ms, stopping);
  const size = vmSize(pod, config.sizing, unheldDefaults(held, info));
  // A pod that has no limit any more keeps what its VM has.
  const memoryMib = size.memoryMib === record.memoryMib ? 0 : size.memoryMib;
  // vCPUs never go: what a container may use of them is its cgroup's matter.
  const vcpus = size.vcpus <= Math.max(1, record.vcpus) ? 0 : size.vcpus;
  if (memoryMib === 0 && vcpus === 0) return;
  const now = await resizeSandbox(context, sandbox, { vcpus, memoryMib: BigInt(memoryMib) });
  if (now.vcpus < vcpus) {
    throw new KuasarError(
      "FAILED_PRECONDITION",
      `Cannot resize sandbox ${id} to ${vcpus} vCPUs: its guest has brought ${now.vcpus} online`,
    );
  }
  if (vcpus > 0) sandbox.update({ vcpus });
  context.log.info("Resized", { sandbox: id, vcpus: now.vcpus, memoryMib: Number(now.memoryMib) });
}
