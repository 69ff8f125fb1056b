import { KuasarError } from "../../../lib/errors/mod.ts";
import { CPUStat, IOStat, MemoryStat, Metrics } from "../../../lib/proto/gen/cgroups/v2.ts";
import type { HostUsage } from "./host_usage.ts";

/** "max" on the wire: containerd takes anything above 2^62 for unlimited. */
const UNLIMITED = 0xffff_ffff_ffff_ffffn;

/** An encoded message in which no field is set. */
const NOTHING = new Uint8Array(0);

/** A sandbox counts in steps of 10 ms: whatever has not had one yet has had half of one as far as anybody knows. */
const HALF_TICK_NS = 5_000_000n;

/** What a sandbox knows of one of its containers. */
export interface SandboxUsage {
  /** Bytes that are the container's own: neither gVisor's nor the pod's shared memory. */
  memoryBytes: bigint;
  pids: bigint;
  /** CPU time of each container that has processes and had time, in ns. */
  cpuNs: ReadonlyMap<string, bigint>;
}

/** A whole number of at least 0 out of what a sandbox tells, which could be anything. */
function count(value: unknown): bigint {
  return typeof value === "number" && Number.isFinite(value) && value > 0
    ? BigInt(Math.floor(Math.min(value, Number.MAX_SAFE_INTEGER)))
    : 0n;
}

/**
 * Reads the answer of a sandbox to the control call `containerManager.Event`, or what `runsc events --stats` prints as its `event`.
 *
 * @throws KuasarError INTERNAL for an answer that is none
 */
export function usageIn(answer: unknown): SandboxUsage {
  if (typeof answer !== "object" || answer === null) {
    throw new KuasarError("INTERNAL", "Cannot measure a container: its sandbox tells nothing");
  }
  const { event, containerUsage } = answer as {
    event?: { data?: { memory?: { usage?: { usage?: unknown } }; pids?: { current?: unknown } } };
    containerUsage?: unknown;
  };
  const shares = typeof containerUsage === "object" && containerUsage !== null
    ? Object.entries(containerUsage)
    : [];
  return {
    memoryBytes: count(event?.data?.memory?.usage?.usage),
    pids: count(event?.data?.pids?.current),
    cpuNs: new Map(shares.map(([name, ns]) => [name, count(ns)])),
  };
}

/** What is known beside the sandbox's own account of a container. */
export interface MetricsContext {
  host: HostUsage;
  /** The containers of the sandbox, this one among them, and what is their own, in bytes. */
  memoryBytes: readonly bigint[];
  /** The container's limit in bytes, 0 for none; it holds together with the others'. */
  memoryLimit: bigint;
}

/**
 * The metrics of one container in gVisor's sandbox.
 *
 * The sandbox knows how its containers share what it uses, the host how much that is. So the host's count of CPU time is divided
 * in proportion, and its count of memory by adding to what is each container's own an equal part of the rest (gVisor itself, and
 * the shared memory of the pod): the sum over the containers is what the pod costs.
 */
export function metricsOf(container: string, usage: SandboxUsage, context: MetricsContext): Metrics {
  const { host, memoryLimit } = context;
  const memory = memoryOf(usage, context);
  return {
    ...Metrics.decode(NOTHING),
    pids: { current: usage.pids, limit: UNLIMITED },
    // Nothing is counted, but nerdctl 2.3 ends with a panic where this is absent.
    io: IOStat.decode(NOTHING),
    cpu: { ...CPUStat.decode(NOTHING), usageUsec: cpuOf(container, usage, host) / 1000n },
    memory: {
      ...MemoryStat.decode(NOTHING),
      anon: memory,
      usage: memory,
      usageLimit: memoryLimit > 0n ? memoryLimit : UNLIMITED,
      swapLimit: UNLIMITED,
    },
  };
}

function cpuOf(container: string, { cpuNs, pids }: SandboxUsage, host: HostUsage): bigint {
  const ticks = new Map([...cpuNs].map(([name, ns]) => [name, ns + HALF_TICK_NS]));
  // One whose processes have not had a tick between them is not listed.
  if (!ticks.has(container) && pids > 0n) ticks.set(container, HALF_TICK_NS);
  const own = ticks.get(container) ?? 0n;
  const all = [...ticks.values()].reduce((sum, ns) => sum + ns, 0n);
  return host.cpuNs > 0n && all > 0n ? host.cpuNs * own / all : own;
}

function memoryOf({ memoryBytes: own }: SandboxUsage, { host, memoryBytes }: MetricsContext): bigint {
  const all = memoryBytes.reduce((sum, bytes) => sum + bytes, 0n);
  const rest = host.memoryBytes > all ? host.memoryBytes - all : 0n;
  return own + rest / BigInt(Math.max(memoryBytes.length, 1));
}
