import { KuasarError } from "../../../lib/errors/mod.ts";
import { CPUStat, MemoryStat, Metrics } from "../../../lib/proto/gen/cgroups/v2.ts";

/** "max" on the wire: containerd takes anything above 2^62 for unlimited. */
const UNLIMITED = 0xffff_ffff_ffff_ffffn;

/** An encoded message in which no field is set. */
const NOTHING = new Uint8Array(0);

/** What a sandbox tells of one container: the answer to its control call `containerManager.Event`. */
export interface SandboxUsage {
  event?: {
    data?: {
      memory?: { usage?: { usage?: number; limit?: number } };
      pids?: { current?: number };
    };
  };
  /** CPU time of each container that has processes, in ns; in steps of 10 ms. */
  containerUsage?: Record<string, number>;
}

/** A whole number of at least 0 out of what a sandbox tells, which could be anything. */
function count(value: unknown): bigint {
  return typeof value === "number" && Number.isFinite(value) && value > 0
    ? BigInt(Math.floor(Math.min(value, Number.MAX_SAFE_INTEGER)))
    : 0n;
}

/**
 * The metrics of one container in gVisor's sandbox.
 *
 * The sandbox itself knows how its containers share what it uses; what the host's cgroup has counted for the whole sandbox
 * is divided in that proportion, so that the sum over the containers is what the pod has cost (as `runsc events` does).
 *
 * @param sandboxCpuNs CPU time of the sandbox's cgroup; 0 where it is not known
 * @throws KuasarError INTERNAL for an answer that is none
 */
export function metricsOf(container: string, usage: unknown, sandboxCpuNs: bigint): Metrics {
  if (typeof usage !== "object" || usage === null) {
    throw new KuasarError("INTERNAL", `Cannot measure ${container}: its sandbox tells nothing`);
  }
  const { event, containerUsage } = usage as SandboxUsage;
  const shares = typeof containerUsage === "object" && containerUsage !== null ? containerUsage : {};
  const own = count(shares[container]);
  const all = Object.values(shares).reduce((sum, share) => sum + count(share), 0n);
  const cpuNs = sandboxCpuNs > 0n && all > 0n ? sandboxCpuNs * own / all : own;
  const memory = event?.data?.memory?.usage;
  const used = count(memory?.usage);
  return {
    ...Metrics.decode(NOTHING),
    pids: { current: count(event?.data?.pids?.current), limit: UNLIMITED },
    cpu: { ...CPUStat.decode(NOTHING), usageUsec: cpuNs / 1000n },
    // A container has no limit of its own in a sandbox: the pod's holds for all.
    memory: {
      ...MemoryStat.decode(NOTHING),
      anon: used,
      usage: used,
      usageLimit: UNLIMITED,
      swapLimit: UNLIMITED,
    },
  };
}
