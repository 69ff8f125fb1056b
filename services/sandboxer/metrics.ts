import { Metrics } from "../../lib/proto/gen/cgroups/v2.ts";
import type { ControllerMetricsResponse } from "../../lib/proto/gen/containerd/services/sandbox/v1/sandbox.ts";
import type { DiskCounters } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { cgroupUsage } from "./cgroup_usage.ts";
import type { Context } from "./context.ts";
import { parentCgroup } from "./pod_cgroup.ts";
import { type ProcessUsage, processUsage } from "./process_usage.ts";
import type { SandboxRecord } from "./record.ts";
import { toTimestamp } from "./time.ts";

/** Without a type prefix: containerd compares the whole text. */
const METRICS_TYPE = "io.containerd.cgroups.v2.Metrics";

/** The rest of the metrics does not wait for a VMM that hangs. */
const COUNTERS_TIMEOUT_MS = 1_000;

/** 2^64 - 1 means "no limit"; 0 would underflow in containerd. */
const NO_LIMIT = 0xffff_ffff_ffff_ffffn;

/**
 * Tells what a sandbox uses and has used on the host, in the shape of cgroup v2 metrics: its pod's cgroup, or its own where it
 * has no pod's. Where neither tells, what the processes use that are alive now.
 *
 * @throws NOT_FOUND
 */
export async function sandboxMetrics(context: Context, id: string): Promise<ControllerMetricsResponse> {
  const { record } = context.registry.get(id);
  const ready = record.state === "ready";
  // A kubelet's for the pod; else the own one, in which the containers are too.
  const cgroup = ready ? parentCgroup(record) || record.cgroup : undefined;
  const usage = (cgroup === undefined ? undefined : cgroupUsage(cgroup, context.cgroupTrees)) ??
    await processesUsage(ready ? await pidsOf(context, id, record.driver) : []);
  const disks = ready ? await diskCounters(context, id, record) : [];
  const io = { usage: disks.length > 0 ? disks.map(ioEntry) : usage.io?.usage ?? [] };
  const value = Metrics.encode({ ...usage, io }).finish();
  return { metrics: { timestamp: toTimestamp(Date.now()), id, data: { typeUrl: METRICS_TYPE, value } } };
}

async function processesUsage(pids: readonly number[]): Promise<Metrics> {
  const usages = await Promise.all(pids.map(processUsage));
  return encodeUsage(usages.filter((usage) => usage !== undefined));
}

async function pidsOf({ peers, config }: Context, sandboxId: string, driver: string): Promise<number[]> {
  const status = await peers.driver(driver).status({ sandboxId }, { timeoutMs: config.timeouts.peer_ms });
  return status.pids;
}

/** What the VMM counts of the sandbox's disks; nothing where it does not, or does not answer. */
async function diskCounters(
  context: Context,
  sandboxId: string,
  { driver, onHost }: SandboxRecord,
): Promise<DiskCounters[]> {
  if (onHost) return [];
  try {
    return (await context.peers.machine(driver).counters({ sandboxId }, { timeoutMs: COUNTERS_TIMEOUT_MS }))
      .disks;
  } catch {
    return [];
  }
}

/** Disks of a VM have no numbers on the host: they are told apart by their order. */
function ioEntry({ readBytes, readOps, writeBytes, writeOps }: DiskCounters, index: number) {
  return {
    major: 0n,
    minor: BigInt(index),
    rbytes: readBytes,
    wbytes: writeBytes,
    rios: readOps,
    wios: writeOps,
  };
}

function encodeUsage(usages: readonly ProcessUsage[]): Metrics {
  const sum = (of: (usage: ProcessUsage) => number) =>
    BigInt(Math.round(usages.reduce((n, u) => n + of(u), 0)));
  const whole = Metrics.decode(new Uint8Array(0));
  const user = sum((usage) => usage.userUs);
  const system = sum((usage) => usage.systemUs);
  const memory = sum((usage) => usage.residentBytes);
  return {
    ...whole,
    pids: { current: sum((usage) => usage.threads), limit: NO_LIMIT },
    cpu: {
      usageUsec: user + system,
      userUsec: user,
      systemUsec: system,
      nrPeriods: 0n,
      nrThrottled: 0n,
      throttledUsec: 0n,
    },
    memory: { ...emptyMemory(), anon: memory, usage: memory, usageLimit: NO_LIMIT },
  };
}

function emptyMemory(): NonNullable<Metrics["memory"]> {
  // Field 4, present and empty.
  const memory = Metrics.decode(Uint8Array.of(0x22, 0)).memory;
  if (!memory) throw new Error("unreachable: the message has the field");
  return memory;
}
