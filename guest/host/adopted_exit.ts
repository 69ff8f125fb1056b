import * as sys from "../native/sys.js";
import { sleep } from "../runtime/deadline.ts";
import { readable } from "./dial.ts";
import type { HostProcess } from "./host_process.ts";
import { startTimeOf } from "../task/start_time.ts";
import type { Keeper } from "./keeper.ts";

/** How a process that is no child of ours has ended. */
export interface AdoptedExit {
  /** Exit code, or 128 + signal. */
  code: number;
  atNs?: bigint;
}

/** Exit status of a process whose end nobody could see. */
const UNKNOWN = 255;

/** How long whoever reaps a process may take to do so, and how often it is looked. */
const REAP_TIMEOUT_MS = 2_000;
const REAP_STEP_MS = 5;

/**
 * Waits for the end of a process that an earlier run of this server has started. Its exit code comes from the keeper, which is
 * its parent where that has not died too, or from the kernel (Linux 6.15 and later).
 */
export async function adoptedExit(process: HostProcess, keeper: Keeper | undefined): Promise<AdoptedExit> {
  const never = new Promise<never>(() => {});
  const told = keeper?.exitOf(process) ?? never;
  return await Promise.race([told, seenExit(process, told)]);
}

async function seenExit(process: HostProcess, told: Promise<AdoptedExit>): Promise<AdoptedExit> {
  let pidfd: number;
  try {
    pidfd = sys.pidfdOpen(process.pid);
  } catch {
    return { code: UNKNOWN };
  }
  try {
    // Only now is it certain that the descriptor is of that process and no later one.
    if (startTimeOf(process.pid) !== process.startTime) return { code: UNKNOWN };
    await readable(pidfd);
    for (const end = sys.nowMs() + REAP_TIMEOUT_MS; sys.nowMs() < end;) {
      const exit = await Promise.race([told, sleep(REAP_STEP_MS)]);
      if (exit) return exit;
      const code = sys.pidfdExitCode(pidfd);
      if (code >= 0) return { code };
    }
    return { code: UNKNOWN };
  } finally {
    sys.close(pidfd);
  }
}
