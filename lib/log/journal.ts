import type { LogLevel } from "./logger.ts";

/** syslog's severities, as sd-daemon(3) has them. */
const SEVERITIES: Readonly<Record<LogLevel, number>> = { debug: 7, info: 6, warn: 4, error: 3 };

/**
 * Whether this process writes to systemd's journal, which stamps each line with its time.
 *
 * `JOURNAL_STREAM` alone does not tell: it is inherited, by a program too whose stderr has been sent elsewhere
 * (systemd.exec(5)).
 *
 * @param stderr device and inode of what lines are written to
 */
export function writesToJournal(
  stream: string | undefined = Deno.env.get("JOURNAL_STREAM"),
  stderr: () => { dev: number; ino: number | null } = () => Deno.statSync("/proc/self/fd/2"),
): boolean {
  if (!stream) return false;
  try {
    const { dev, ino } = stderr();
    return stream === `${dev}:${ino}`;
  } catch {
    // closed
    return false;
  }
}

/** What a line begins with by which the journal knows how much it matters. */
export function severityPrefix(level: LogLevel): string {
  return `<${SEVERITIES[level]}>`;
}
