import type { Share } from "../../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import type { GuestEndpoint } from "../../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";

/** What is wrong with a driver's world in a test. */
export type Fault =
  | "none"
  /** The configured guest kernel does not exist. */
  | "missing-kernel"
  /** The configured VMM, or runtime, does not exist. */
  | "missing-vmm"
  /** The kernel file holds no kernel. */
  | "broken-kernel"
  /** The kernel starts and finds nothing to run. */
  | "broken-image"
  /** The guest hangs before its agent runs; the boot time-out is a few seconds. */
  | "silent-guest";

/** How the suite starts a driver. */
export interface DriverCommand {
  /** The driver serves on `<run dir>/driver-<name>.sock`. */
  name: string;
  /** What its tests are called by. @default `name` */
  title?: string;
  /** Where it keeps its files below the run directory. @default `driver-<name>` */
  directory?: string;
  /** Command line of the driver process. Files that it needs may be made below `runDir`. */
  command(runDir: string, fault: Fault): Promise<readonly string[]>;
  /** The share of a sandbox that is about to be started, made below `runDir`; none unless given. */
  share?(runDir: string): Promise<Share | undefined>;
  /** Ends what serves the shares of `runDir`, where something does. */
  endShares?(runDir: string): Promise<void>;
}

/** A driver of VMs, and what must be known of its guests. */
export interface DriverUnderTest extends DriverCommand {
  /** Whether its VMM has a root of its own, as a stand-in has not. */
  ownRoot?: boolean;
  /** How many disks a VM has places for, at least two. @default more than a test needs */
  disks?: number;
  /** Makes a guest power itself off; the answer may be lost. */
  powerOff(guest: GuestEndpoint): Promise<void>;
  /** Resolves where the agent answers; rejects where the guest cannot be reached. */
  ping(guest: GuestEndpoint): Promise<void>;
}
