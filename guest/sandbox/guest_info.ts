import type { InfoResponse } from "../../lib/proto/gen/kuasar/guest/v1/guest.ts";
import type { HostGate } from "../gate/host_gate.ts";
import * as sys from "../native/sys.js";
import { onlineCpus } from "./online.ts";
import { VERSION } from "../version.ts";

/** A value in KiB of a file like /proc/meminfo; 0 when it is not there. */
function kibOf(text: string, name: string): bigint {
  const match = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text);
  return BigInt(match?.[1] ?? 0);
}

/** What a host may want to know of the guest. */
export function guestInfo(gate: HostGate): InfoResponse {
  const memory = sys.readTextFile("/proc/meminfo");
  return {
    version: VERSION,
    kernel: sys.uname().release,
    uptimeMs: BigInt(Math.round(sys.nowMs())),
    agentRssKib: kibOf(sys.readTextFile("/proc/self/status"), "VmRSS"),
    memTotalKib: kibOf(memory, "MemTotal"),
    memAvailableKib: kibOf(memory, "MemAvailable"),
    cpus: onlineCpus(),
    refusedPeers: BigInt(gate.refused),
  };
}
