import { passGracePeriod } from "../../lib/cgroups/mod.ts";
import { KuasarError } from "../../lib/errors/mod.ts";
import type { InfoResponse, StartResponse } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import type { AttachResponse } from "../../lib/proto/gen/kuasar/network/v1/network.ts";
import type { Share } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { PodSandboxConfig } from "../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";
import { fromBase64 } from "./base64.ts";
import type { Context } from "./context.ts";
import { writeCriFiles } from "./cri_files.ts";
import { driverInfo } from "./driver_info.ts";
import { heldLimits, withHeldLimits } from "./held_limits.ts";
import { podOomScoreAdj } from "./oom_score.ts";
import { fromEndpoint, withGuest } from "./guest.ts";
import { setupRequest } from "./guest_setup.ts";
import { runCreateHooks } from "./host_hooks.ts";
import { makePodCgroup } from "./pod_cgroup.ts";
import { makeOwnNetns } from "./own_netns.ts";
import { repeat } from "./repeat.ts";
import type { Sandbox } from "./sandbox.ts";
import { unheldDefaults, vmSize } from "./sizing.ts";
import type { Timeline } from "./timeline.ts";
import { watchExit } from "./watch.ts";

/** The start as a whole has a deadline, at which `signal` ends what is under way and says what that was. */
const AS_THE_START_MS = Infinity;

/** More queues than this bring a guest nothing. */
const MAX_QUEUES = 8;

/** What a driver says whose VMM opens taps with one queue only, and no others. */
const SINGLE_QUEUE = "single-queue-nics";

/** What a driver says whose sandboxes have kernels of their own in processes of the host, without being VMs. */
const OWN_KERNEL = "own-kernel";

/** What is needed before the driver starts a sandbox. One without a kernel of its own has no share. */
interface Parts {
  network: AttachResponse | undefined;
  share: Share | undefined;
}

/**
 * Brings up all parts of a sandbox: network and share at the same time, then the VM, then the guest.
 *
 * On failure everything that was begun has ended, but nothing is undone yet.
 */
export async function startParts(
  context: Context,
  sandbox: Sandbox,
  timeline: Timeline,
  signal: AbortSignal,
): Promise<void> {
  const { record } = sandbox;
  const info = await repeat(
    (timeoutMs) => driverInfo(context, record.driver, timeoutMs, signal),
    { timeoutMs: AS_THE_START_MS, signal },
  );
  const ownKernel = info.capabilities.includes(OWN_KERNEL);
  const held = heldLimits(context, record);
  const pod = PodSandboxConfig.decode(fromBase64(record.podConfig));
  const size = vmSize(pod, context.config.sizing, unheldDefaults(held, info));
  const memoryMib = size.memoryMib || Number(info.memoryMib);
  const vcpus = size.vcpus;
  sandbox.update({ onHost: !info.vm, ownKernel, vcpus, memoryMib, oomScoreAdj: podOomScoreAdj(record) });
  const cgroups = makePodCgroup(context, sandbox);
  // Network and share take about as long; then processes are started in that cgroup. Not before: no cgroup can be made meanwhile.
  if (info.vm && cgroups.length > 0) passGracePeriod();
  if (record.ownNetns) makeOwnNetns(record.netnsPath);
  // An OCI runtime on the host would run them itself.
  if (info.vm || ownKernel) await runCreateHooks(context, sandbox, signal);
  const parts: Parts = { network: undefined, share: undefined };
  const network = timeline.phase("start/network", async () => {
    parts.network = await attachNetwork(context, sandbox, info, signal);
    if (record.criDir) writeCriFiles(record.criDir, parts.network.files);
  });
  const share = info.vm && timeline.phase("start/share", async () => {
    parts.share = await createShare(context, sandbox, { kind: info.shareKind, cgroups }, signal);
  });
  await allEnded(share ? [network, share] : [network]);
  const started = await timeline.phase(
    "start/driver",
    () => startDriver(context, sandbox, { ...parts, cgroups, pod: withHeldLimits(pod, held) }, signal),
  );
  timeline.adopt("start/driver", started.phases);
  const guest = fromEndpoint(started.guest);
  if (started.pid === 0 && info.vm) {
    throw new KuasarError("INTERNAL", `Cannot start sandbox ${sandbox.id}: its driver told no pid`);
  }
  sandbox.update({ pid: started.pid, ...(guest && { guest }) });
  watchExit(context, sandbox);
  if (info.vm) {
    await timeline.phase("start/guest", () => setUpGuest(context, sandbox, parts.network, signal));
  }
}

/** Waits for all, also after a failure: nothing may still be at work when the cleanup begins. */
async function allEnded(work: Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

function attachNetwork(
  { peers }: Context,
  { record }: Sandbox,
  info: InfoResponse,
  signal: AbortSignal,
) {
  const dns = PodSandboxConfig.decode(fromBase64(record.podConfig)).dnsConfig;
  const request = {
    sandboxId: record.id,
    netnsPath: record.netnsPath,
    hostname: record.hostname,
    dnsServers: dns?.servers ?? [],
    dnsSearches: dns?.searches ?? [],
    dnsOptions: dns?.options ?? [],
    queues: info.capabilities.includes(SINGLE_QUEUE) ? 1 : Math.min(Math.max(1, record.vcpus), MAX_QUEUES),
    filesOnly: !info.vm,
  };
  return repeat((timeoutMs) => peers.network.attach(request, { timeoutMs, signal }), {
    timeoutMs: AS_THE_START_MS,
    signal,
  });
}

function createShare(
  { peers }: Context,
  { id: sandboxId, record }: Sandbox,
  share: { kind: Share["kind"]; cgroups: string[] },
  signal: AbortSignal,
): Promise<Share> {
  const request = { sandboxId, ...share, oomScoreAdj: record.oomScoreAdj };
  return repeat((timeoutMs) => peers.storage.createShare(request, { timeoutMs, signal }), {
    timeoutMs: AS_THE_START_MS,
    signal,
  });
}

function startDriver(
  { peers }: Context,
  { record }: Sandbox,
  { network, share, cgroups, pod }: Parts & { cgroups: string[]; pod: PodSandboxConfig },
  signal: AbortSignal,
): Promise<StartResponse> {
  const driver = peers.driver(record.driver);
  const request = {
    sandboxId: record.id,
    vcpus: record.vcpus,
    memoryMib: BigInt(record.memoryMib),
    nics: network?.nics ?? [],
    share,
    kernelParams: [],
    netnsPath: record.netnsPath,
    podConfig: PodSandboxConfig.encode(pod).finish(),
    hostname: record.hostname,
    sharePid: record.sharePid,
    cgroups,
    cgroup: cgroups.length === 0 ? "" : record.cgroup ?? "",
    files: record.onHost ? network?.files ?? [] : [],
    oomScoreAdj: record.oomScoreAdj,
  };
  return repeat((timeoutMs) => driver.start(request, { timeoutMs, signal }), {
    timeoutMs: AS_THE_START_MS,
    signal,
    // The driver died during the start; what it had begun is taken away before the next attempt.
    before: async (timeoutMs) => {
      await driver.remove({ sandboxId: record.id }, { timeoutMs, signal });
    },
  });
}

/** Sets the guest up; when the VM ends meanwhile, its last words are the error. */
async function setUpGuest(
  { config }: Context,
  sandbox: Sandbox,
  network: AttachResponse | undefined,
  signal: AbortSignal,
): Promise<void> {
  const exited = new AbortController();
  const forget = sandbox.onExit(({ status }) => {
    exited.abort(
      new KuasarError(
        "INTERNAL",
        `Cannot set up the guest of sandbox ${sandbox.id}: its VM ended with status ${status}`,
        { evidence: sandbox.record.evidence },
      ),
    );
  });
  const either = AbortSignal.any([signal, exited.signal]);
  try {
    await withGuest(sandbox.record.guest, config.timeouts.start_ms, async ({ sandbox: agent }) => {
      await agent.setupSandbox(setupRequest(sandbox.record, network));
    }, either);
  } finally {
    forget();
  }
}
