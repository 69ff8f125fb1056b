import type { Spec } from "../../../lib/oci/mod.ts";
import type { HostRuntime } from "../../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import type { Requirement } from "../vm/preflight.ts";
import type { ContainerPaths, SandboxPaths } from "./paths.ts";
import type { SandboxRecord } from "./record.ts";

/** A container that is being prepared. */
export interface PreparedContainer {
  containerId: string;
  sandbox: Readonly<SandboxRecord>;
  sandboxPaths: SandboxPaths;
  paths: ContainerPaths;
  /** containerd's bundle. */
  bundle: string;
  /** Its spec, rewritten for the sandbox; the kind may change it further. */
  spec: Spec;
  /** Directory on the host with its mounted root file system. */
  rootfs: string;
}

/** What {@link SandboxKind.runtime} tells; the rest of HostRuntime is the same for all kinds. */
export type RuntimeChoice =
  & Pick<HostRuntime, "kind" | "command" | "globalArgs">
  & Partial<
    Pick<HostRuntime, "execRefusal" | "taskSocket" | "timeLimitMs" | "privateMounts" | "defaultSignals">
  >;

/** What a driver of sandboxes without a kernel of their own adds to the shared steps. */
export interface SandboxKind {
  /** Of the driver: `runc`. */
  readonly name: string;
  /** The runtime with its version: `crun 1.21`; empty where it cannot be run. */
  readonly version: string;
  /** What a person should know, for `Info`. */
  readonly notes: readonly string[];
  readonly capabilities: readonly string[];
  /** The agent, which also is the first process of a shared PID namespace. */
  readonly pauseProgram: string;
  /** Files without which no sandbox can work. */
  requirements(): readonly Requirement[];
  /** How kuasar-task runs a container. May change `container.spec` and write files below `container.paths.dir`. */
  runtime(container: PreparedContainer): Promise<RuntimeChoice> | RuntimeChoice;
  /**
   * Starts what a sandbox of this kind needs besides its namespaces. Called between intent and effect: whatever it makes,
   * {@link stop} must be able to take away, also after a half of it.
   */
  start?(sandbox: Readonly<SandboxRecord>, paths: SandboxPaths): Promise<void>;
  /** Ends it again. Idempotent; also for a sandbox of an earlier process. */
  stop?(sandbox: Readonly<SandboxRecord>, paths: SandboxPaths): Promise<void>;
}
