/**
 * Signals that do not end a process which has no handler for them: it is stopped, goes on, or nothing happens (signal(7)):
 * CHLD, CONT, STOP, TSTP, TTIN, TTOU, URG, WINCH.
 */
const HARMLESS: readonly number[] = [17, 18, 19, 20, 21, 22, 23, 28];

/** Largest number of a signal. */
const MAX = 64;

/** Whether a signal ends a process that has no handler for it. */
export function endsByDefault(signal: number): boolean {
  return signal >= 1 && signal <= MAX && !HARMLESS.includes(signal);
}
