import type { Hierarchy } from "../../lib/cgroups/mod.ts";
import type { Logger } from "../../lib/log/mod.ts";
import type { SandboxerConfig } from "./config.ts";
import type { Janitor } from "./janitor.ts";
import type { KeyedLock } from "../../lib/concurrency/mod.ts";
import type { NodeMetrics } from "./node_metrics.ts";
import type { Peers } from "./peers.ts";
import type { Registry } from "./registry.ts";

/** What every operation of the sandboxer works with. */
export interface Context {
  readonly config: SandboxerConfig;
  readonly runDir: string;
  readonly log: Logger;
  readonly peers: Peers;
  readonly registry: Registry;
  /** Changes of one sandbox, and of one container, happen one after the other. */
  readonly locks: KeyedLock;
  readonly janitor: Janitor;
  /** Where the cgroups of sandboxes are made. */
  readonly cgroupTrees: readonly Hierarchy[];
  readonly metrics: NodeMetrics;
  /** Aborted when the process ends: what is not finished by then is left to the next one. */
  readonly stopping: AbortSignal;
}
