import { asKuasarError, type ErrorCode, KuasarError } from "../errors/mod.ts";

/** What SQLite says (sqlite.org/rescode.html) and what it is to a caller. Deno gives the number with some errors only. */
const FAILURES: readonly [text: RegExp, code: ErrorCode][] = [
  [/malformed|not a database/, "DATA_LOSS"],
  [/database is locked/, "UNAVAILABLE"],
  [/disk is full/, "RESOURCE_EXHAUSTED"],
];

/** An error of SQLite's as one of ours. @param path of the database */
export function explained(path: string, error: unknown): KuasarError {
  if (error instanceof KuasarError) return error;
  const { message } = asKuasarError(error);
  const code = FAILURES.find(([text]) => text.test(message))?.[1] ?? "INTERNAL";
  const hint = code === "UNAVAILABLE" ? ": another process has it open" : "";
  return new KuasarError(code, `Cannot use the state ${path}: ${message}${hint}`, { cause: error });
}

/** Whether a database is damaged. */
export function isDamage(error: unknown): boolean {
  return asKuasarError(error).code === "DATA_LOSS";
}
