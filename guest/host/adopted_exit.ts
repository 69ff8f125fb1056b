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
export async function adoptedExit(
  process: HostProcess,
  keeper: Pick<Keeper, "exitOf"> | undefined,
): Promise<AdoptedExit> {
  const told = keeper?.exitOf(process);
  const seen = seenExit(process, told);
  return await (told ? Promise.race([told, seen]) : seen);
}

/** @param told by the keeper, where there is one */
async function seenExit(process: HostProcess, told: Promise<AdoptedExit> | undefined): Promise<AdoptedExit> {
  let pidfd: number;
  try {
    pidfd = sys.pidfdOpen(process.pid);
  } catch {
    return await lateExit(told);
  }
  try {
    // Only now is it certain that the descriptor is of that process and no later one.
    if (startTimeOf(process.pid) !== process.startTime) return await lateExit(told);
    await readable(pidfd);
    for (const end = sys.nowMs() + REAP_TIMEOUT_MS; sys.nowMs() < end;) {
      const exit = await (told ? Promise.race([told, sleep(REAP_STEP_MS)]) : sleep(REAP_STEP_MS));
      if (exit) return exit;
      const code = sys.pidfdExitCode(pidfd);
      if (code >= 0) return { code };
    }
    return { code: UNKNOWN };
  } finally {
    sys.close(pidfd);
  }
}

/** Of a process that has gone: the keeper may have reaped it since this server began, and what it says be on its way. */
async function lateExit(told: Promise<AdoptedExit> | undefined): Promise<AdoptedExit> {
  const exit = told && await Promise.race([told, sleep(REAP_TIMEOUT_MS)]);
  return exit ?? { code: UNKNOWN };
}
