import * as sys from "../../../guest/native/sys.js";

/** Where the real program logs; nothing of it appears on stderr. */
const LOG = "/var/log/quark/quark.log";
const LOG_VARIABLE = "QUARK_STANDIN_LOG";

/** The log as a stage finds it that leads a process into its container: its own stdio is the container's. */
export const LOG_FD = 4;

let log = -1;

/** Opens the log file, which is out of reach later. @returns -1 where it cannot be had, which is no reason to fail */
export function openLog(): number {
  const path = sys.getenv(LOG_VARIABLE) ?? LOG;
  try {
    sys.mkdirAll(path.slice(0, path.lastIndexOf("/")));
    return sys.open(path, sys.O.WRONLY | sys.O.CREAT | sys.O.APPEND);
  } catch {
    return -1;
  }
}

/** From now on notes go to `fd`. */
export function logTo(fd: number): void {
  log = fd;
}

/** Notes a line in the log file. */
export function note(text: string): void {
  if (log >= 0) sys.write(log, sys.utf8Encode(`[ERROR] ${text.trimEnd()}\n`));
}
