import { type AccelFacts, chooseAccel } from "../contract/vm/accel.ts";
import type { GvisorConfig } from "./config.ts";

/** The platform to use, and what a person should know about the choice. */
export interface PlatformChoice {
  platform: GvisorConfig["platform"];
  notes: string[];
}

/**
 * The configured platform, or systrap where it cannot work: without real hardware virtualisation a sandbox on KVM takes a whole
 * CPU and never comes up.
 */
export function choosePlatform(wanted: GvisorConfig["platform"], facts: AccelFacts): PlatformChoice {
  if (wanted !== "kvm") {
    const slow = "The configuration asks for the platform ptrace, under which every system call is slow";
    return { platform: wanted, notes: wanted === "ptrace" ? [slow] : [] };
  }
  const { accel, notes } = chooseAccel("auto", facts);
  if (accel === "kvm") return { platform: "kvm", notes: [] };
  const reason = notes[0]?.replace(/: guests are emulated.*$/, "") ?? "This host has no usable KVM";
  return { platform: "systrap", notes: [`${reason}: sandboxes use the platform systrap instead of kvm`] };
}
