import * as sys from "../native/sys.js";

/** From the most to the least important. */
export const LOG_LEVELS = ["error", "warn", "info", "debug", "trace"] as const;
/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];

let limit = LOG_LEVELS.indexOf("info");

/** Shows lines of this level and of more important ones. An unknown name changes nothing and returns false. */
export function setLogLevel(name: string): boolean {
  const index = LOG_LEVELS.indexOf(name.toLowerCase() as LogLevel);
  if (index >= 0) limit = index;
  return index >= 0;
}

function show(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message);
  const text = typeof value === "string" ? value : String(value);
  return /^[\w./:@+-]+$/.test(text) ? text : JSON.stringify(text);
}

/** syslog's severities, as sd-daemon(3) has them. */
const SEVERITIES: Readonly<Record<LogLevel, number>> = { error: 3, warn: 4, info: 6, debug: 7, trace: 7 };

/** On a host stderr may be systemd's journal (as in lib/log/journal.ts), which stamps lines and reads their severity. */
let inJournal: boolean | undefined;

/** Asked with the first line: this file is loaded in unit tests, too, without the native module. */
function writesToJournal(): boolean {
  return inJournal ??= stderrIsJournal();
}

function stderrIsJournal(): boolean {
  const stream = sys.getenv("JOURNAL_STREAM");
  if (!stream) return false;
  try {
    const { dev, ino } = sys.fstat(2);
    return stream === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

/**
 * Writes one line to stderr (in a guest: the console), with the seconds since boot as the kernel's own lines have, or the
 * severity in the journal.
 */
function line(level: LogLevel, message: string, fields: Record<string, unknown>): void {
  if (LOG_LEVELS.indexOf(level) > limit) return;
  const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${show(value)}`).join("");
  const start = writesToJournal()
    ? `<${SEVERITIES[level]}>`
    : `[${(sys.nowMs() / 1000).toFixed(3).padStart(12)}] `;
  sys.logWrite(`${start}kuasar: ${level} ${message}${rest}\n`);
}

type Log = (message: string, fields?: Record<string, unknown>) => void;

/** The agent's log. */
export const log: Readonly<Record<LogLevel, Log>> = {
  error: (message, fields = {}) => line("error", message, fields),
  warn: (message, fields = {}) => line("warn", message, fields),
  info: (message, fields = {}) => line("info", message, fields),
  debug: (message, fields = {}) => line("debug", message, fields),
  trace: (message, fields = {}) => line("trace", message, fields),
};
