import { KuasarError } from "../errors/mod.ts";
import { closeFd, isErrno, pidfdSendSignal, SIGNAL } from "../libc/mod.ts";
import { type ExitWatcher, exitWatcher, openIfAlive, type ProcessExit } from "./exit_watcher.ts";
import { type ProcessRef } from "./process_ref.ts";

/** After SIGKILL a process may need this long: it has to leave uninterruptible waits. */
const KILL_DEADLINE_MS = 5000;

/**
 * Sends a signal to exactly this process.
 *
 * @returns false when it is already gone
 * @throws {Errno} EPERM
 */
export function killProcess(ref: ProcessRef, signal: keyof typeof SIGNAL | number): boolean {
  const pidfd = openIfAlive(ref);
  if (pidfd === undefined) return false;
  try {
    pidfdSendSignal(pidfd, typeof signal === "number" ? signal : SIGNAL[signal]);
    return true;
  } catch (error) {
    if (isErrno(error, "ESRCH")) return false;
    throw error;
  } finally {
    closeFd(pidfd);
  }
}

/** Options of {@link terminate}. */
export interface TerminateOptions {
  /** Time between SIGTERM and SIGKILL; 0 sends SIGKILL at once. */
  graceMs: number;
  /** @default {exitWatcher()} */
  watcher?: ExitWatcher;
}

/**
 * Ends a process: SIGTERM, a time of grace, SIGKILL. Idempotent; fine with a process that is gone.
 *
 * @throws {KuasarError} DEADLINE_EXCEEDED when it is there even 5 s after SIGKILL
 */
export async function terminate(ref: ProcessRef, options: TerminateOptions): Promise<ProcessExit> {
  const watcher = options.watcher ?? exitWatcher();
  if (options.graceMs > 0 && killProcess(ref, "SIGTERM")) {
    const exit = await exitWithin(watcher, ref, options.graceMs);
    if (exit !== undefined) return exit;
  }
  killProcess(ref, "SIGKILL");
  const exit = await exitWithin(watcher, ref, KILL_DEADLINE_MS);
  if (exit !== undefined) return exit;
  throw new KuasarError(
    "DEADLINE_EXCEEDED",
    `Cannot end process ${ref.pid}: it is there ${KILL_DEADLINE_MS} ms after SIGKILL`,
  );
}

/**
 * Waits for the end of a process.
 *
 * @returns undefined when it still runs after `timeoutMs`
 */
export async function exitWithin(
  watcher: ExitWatcher,
  ref: ProcessRef,
  timeoutMs: number,
): Promise<ProcessExit | undefined> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), timeoutMs);
  try {
    return await watcher.watch(ref, stop.signal);
  } catch (error) {
    if (stop.signal.aborted) return undefined;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
