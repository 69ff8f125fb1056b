import type { SpawnedProcess } from "../../../lib/process/mod.ts";
import type { StartRequest } from "../../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import type { ShareKind } from "../../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import type { PhaseClock } from "../phases.ts";
import type { Accel } from "./accel.ts";
import type { Control, Reconnected } from "./control.ts";
import type { DescriptorSet } from "./descriptor_set.ts";
import type { VmHost } from "./host.ts";
import type { Machine } from "./machine.ts";
import type { Requirement } from "./preflight.ts";

/** A snapshot that a VM is to be started from. */
export interface Snapshot {
  directory: string;
  onDemand: boolean;
}

/** A guest's place on the host's vsock. */
export interface KernelVsock {
  cid: number;
  /** Inherited fd of `/dev/vhost-vsock`, by which the VMM has the CID. */
  vhostFd: number;
  /** Port of the host on which the guest says READY and is told its secret. */
  secretPort: number;
}

/** One start under way, as a hypervisor's steps see it. */
export interface Launch<C extends Control> {
  host: VmHost<C>;
  machine: Machine<C>;
  request: StartRequest;
  /** Where the guest comes from, if it does not boot. */
  snapshot: Snapshot | undefined;
  clock: PhaseClock;
  /** undefined with hybrid vsock. */
  kernelVsock: KernelVsock | undefined;
  /** What the VMM inherits, from fd 3 on. Closed as soon as `launch` has answered. */
  inherited: DescriptorSet;
  /** What is handed over later (SCM_RIGHTS). Closed when the start has ended, in whatever way. */
  held: DescriptorSet;
}

/**
 * What one hypervisor adds to the steps that all VM drivers share. It gets the VMM going and speaks to it; records,
 * readiness, exits, stopping, adoption and cleaning up are done for it.
 */
export interface Hypervisor<C extends Control> {
  /** Name of the driver: `qemu`. */
  readonly name: string;
  /** Name of the VMM in messages: `QEMU`. */
  readonly title: string;
  /** As the program says: `QEMU 10.0.2`; empty where it cannot be run, which each start then tells. */
  readonly version: string;
  readonly accel: Accel;
  /** What a person should know of the choices that were made. */
  readonly notes: readonly string[];
  readonly shareKind: ShareKind;
  readonly capabilities: readonly string[];
  /** File name of the control socket: `qmp.sock`. */
  readonly controlSocket: string;
  /** Whether it makes sockets and reads files in {@link SandboxPaths.vmDir} by itself, which belongs to root then. */
  readonly ownSockets: boolean;
  /** How guests are reached: a unix socket for each, or a CID on the host's vsock. */
  readonly vsock: "hybrid" | "kernel";
  /** Memory of a guest whose request names none. */
  readonly memoryMib: number;
  /** vCPUs of such a guest. */
  readonly vcpus: number;
  /** Our agent's program, by which the VMM and its helpers are started. */
  readonly launcherPath: string;
  /** From the VMM's start to the guest's READY. */
  readonly bootTimeoutMs: number;

  /** Checks everything in a request that does not need the host. @throws {KuasarError} INVALID_ARGUMENT */
  checkRequest(request: StartRequest): void;
  /** What must be there for a start. */
  requirements(request: StartRequest): Requirement[];
  /**
   * Starts helpers and the VMM. Where the console's socket is made by the driver, it is connected here.
   *
   * @throws {KuasarError}
   */
  launch(launch: Launch<C>): Promise<SpawnedProcess>;
  /**
   * Reaches the control of a VMM that was launched, and makes the guest boot where the VMM does not do so by itself.
   *
   * @throws {KuasarError}
   */
  connect(launch: Launch<C>): Promise<C>;
  /**
   * Reaches the control of a running VMM again and reads from it what is plugged in.
   *
   * @throws {KuasarError} where it does not answer within a few seconds
   */
  reconnect(machine: Machine<C>): Promise<Reconnected<C>>;
}
