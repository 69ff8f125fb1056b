import type { Spec } from "../../../lib/oci/mod.ts";
import type { ProcessRef } from "../../../lib/process/mod.ts";
import type { StartRequest } from "../../../lib/proto/gen/kuasar/driver/v1/driver.ts";
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
    Pick<
      HostRuntime,
      | "execRefusal"
      | "taskSocket"
      | "timeLimitMs"
      | "privateMounts"
      | "defaultSignals"
      | "cgroup"
      | "criu"
      | "restoreImage"
    >
  >;

/** A sandbox that is being started. */
export interface StartingSandbox {
  sandbox: Readonly<SandboxRecord>;
  paths: SandboxPaths;
  request: StartRequest;
  /** Aborted when the start is to be given up. */
  signal: AbortSignal;
  /** Writes down the process that is the sandbox from now on, as soon as it is known. */
  note(process: ProcessRef): void;
}

/** What a driver of sandboxes without a kernel of their own adds to the shared steps. */
export interface SandboxKind {
  /** Of the driver: `runc`. */
  readonly name: string;
  /** The runtime with its version: `crun 1.21`; empty where it cannot be run. */
  readonly version: string;
  /** What a person should know, for `Info`. */
  readonly notes: readonly string[];
  readonly capabilities: readonly string[];
  /**
   * True where a sandbox has a kernel of its own, in a process of the host ({@link StartingSandbox.note}): the namespaces of its
   * containers are that kernel's matter, and of the host's only the network's is used.
   */
  readonly ownKernel?: boolean;
  /** True where it finds out by itself which PID namespace a container joins, or refuses to. */
  readonly ownPidNamespaces?: boolean;
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
  start?(starting: StartingSandbox): Promise<void>;
  /**
   * Ends it again and takes its files away. Called when the processes in the sandbox's cgroup are dead. Idempotent; also for a
   * sandbox of an earlier process.
   */
  stop?(sandbox: Readonly<SandboxRecord>, paths: SandboxPaths): Promise<void>;
  /** Takes away what {@link runtime} has made outside of the container's directory. Idempotent. */
  release?(sandbox: Readonly<SandboxRecord>, paths: ContainerPaths): void;
  /** Why a sandbox's process has ended, as far as anything tells. */
  lastWords?(sandbox: Readonly<SandboxRecord>, paths: SandboxPaths): Promise<string[]>;
}
