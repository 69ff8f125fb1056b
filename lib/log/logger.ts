import { severityPrefix, writesToJournal } from "./journal.ts";

/** Levels in rising order of weight. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

/** How much a line matters. */
export type LogLevel = typeof LOG_LEVELS[number];

/** What a line carries besides its message; undefined values are left out. */
export type LogFields = Record<string, unknown>;

/** Writes lines under one name. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to every line: the sandbox, the trace. */
  with(fields: LogFields): Logger;
}

/** A value longer than this is cut: what a guest sends must not fill the log. */
const MAX_VALUE_LENGTH = 2048;

const encoder = new TextEncoder();
const inJournal = writesToJournal();
let threshold = LOG_LEVELS.indexOf("info");
let write = (line: string): void => {
  try {
    Deno.stderr.writeSync(encoder.encode(line));
  } catch {
    // Nobody reads stderr any more; a service goes on without a log.
  }
};

/** Sets the level below which lines are dropped, for the whole process. The start value is `info`. */
export function setLogLevel(level: LogLevel): void {
  threshold = LOG_LEVELS.indexOf(level);
}

/** Sends lines elsewhere than to stderr; returns what undoes it. For tests. */
export function captureLog(sink: (line: string) => void): () => void {
  const before = write;
  write = sink;
  return () => {
    write = before;
  };
}

/**
 * A logger whose lines carry `name`.
 *
 * Lines are logfmt: `time=… level=info name=network msg="…" key=value`. Values are quoted as JSON strings where
 * needed, so that no input can start a line of its own. In systemd's journal they begin with the severity in place of
 * the time, `<6>level=info …`.
 */
export function logger(name: string, fields: LogFields = {}): Logger {
  const at = (level: LogLevel) => (message: string, more: LogFields = {}): void => {
    if (LOG_LEVELS.indexOf(level) < threshold) return;
    const time = inJournal ? undefined : new Date().toISOString();
    const prefix = inJournal ? severityPrefix(level) : "";
    write(prefix + formatLine({ time, level, name, msg: message, ...fields, ...more }));
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: (more) => logger(name, { ...fields, ...more }),
  };
}

/** One logfmt line with its newline. */
export function formatLine(fields: LogFields): string {
  const parts: string[] = [];
  for (const [key, value] of Object.entries(fields)) {
    if (value !== undefined) parts.push(`${key}=${formatValue(value)}`);
  }
  return parts.join(" ") + "\n";
}

function formatValue(value: unknown): string {
  const text = textOf(value);
  const cut = text.length > MAX_VALUE_LENGTH ? text.slice(0, MAX_VALUE_LENGTH) + "…" : text;
  return /^[\w./:@+,-]+$/.test(cut) ? cut : JSON.stringify(cut);
}

function textOf(value: unknown): string {
  if (value instanceof Error) return value.message;
  if (typeof value === "object" && value !== null) {
    try {
      return JSON.stringify(value) ?? "";
    } catch {
      return "[unprintable]";
    }
  }
  return String(value);
}
