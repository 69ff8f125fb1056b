import type { BlockDevice } from "../../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import type { PluggedDevices } from "./devices.ts";
import type { Resizable } from "./resize.ts";

/** What a VMM or its guest gave as the reason of an end, before the process exited. */
export interface LastWords {
  /** As the VMM names it: `guest-shutdown`, `guest-reset`. */
  reason: string;
  /** True where the guest did not end in order: it has panicked, or reset itself. */
  crashed: boolean;
}

/**
 * A connection to the control interface of one VMM (QMP, REST), with what the steps that all drivers share ask of
 * it. Every call has a deadline of its own: a live process is not a live VMM.
 */
export interface Control {
  /** Settles when the VMM has closed its end, or `close` was called. */
  readonly closed: Promise<void>;
  /** undefined as long as nothing was said of an end. */
  readonly lastWords: LastWords | undefined;
  /** Asks the VMM for anything at all. @throws {KuasarError} DEADLINE_EXCEEDED, UNAVAILABLE where it does not answer */
  probe(timeoutMs: number): Promise<void>;
  /** Stops the vCPUs; fine where they stand. */
  pause(): Promise<void>;
  /** Lets the vCPUs go on; fine where they run. */
  resume(): Promise<void>;
  /** Asks the VMM to exit at once, without a word to the guest. The answer may be lost. */
  quit(): Promise<void>;
  /**
   * Plugs a disk in, which the guest finds by its serial. One that is there already is fine.
   *
   * @throws {KuasarError} INVALID_ARGUMENT for a bad serial or file, RESOURCE_EXHAUSTED without a free place
   */
  attachBlock(device: BlockDevice): Promise<void>;
  /**
   * Where the guest finds a disk that is plugged in, as `GuestMount.source`. Only where it does not find it by its
   * serial.
   */
  guestSource?(serial: string): string | undefined;
  /**
   * Takes a disk out and answers when the guest has let go of it. An unknown serial is fine.
   *
   * @throws {KuasarError} DEADLINE_EXCEEDED or FAILED_PRECONDITION where the guest keeps it; may be repeated
   */
  detachBlock(serial: string): Promise<void>;
  /** How the size of the VM is changed; for drivers with the capability `resize`. */
  readonly resizable?: Resizable;
  /** NICs, shares, pmem and VFIO devices that come and go; for drivers with a capability `hotplug-...` for them. */
  readonly devices?: PluggedDevices;
  /** What the VMM counts; for drivers with the capability `counters`. */
  counters?(): Promise<Counters>;
  /**
   * Writes the VM, whose vCPUs stand, into an empty directory; for drivers with the capability `snapshot`.
   *
   * @throws {KuasarError} FAILED_PRECONDITION for a VM that cannot be written
   */
  snapshot?(directory: string): Promise<void>;
  /** Lets the connection go; the VM goes on. May be repeated. */
  close(): void;
}

/** What a VMM counts of its VM. */
export interface Counters {
  memoryBytes: number;
  disks: readonly DiskCounters[];
}

/** Of one disk, since it was plugged in. */
export interface DiskCounters {
  serial: string;
  readBytes: number;
  readOps: number;
  writeBytes: number;
  writeOps: number;
}

/** A control that was connected again, and what the VMM says of its VM. */
export interface Reconnected<C extends Control> {
  control: C;
  state: "RUNNING" | "PAUSED";
}
