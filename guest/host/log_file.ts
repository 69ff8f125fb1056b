import * as sys from "../native/sys.js";

const FILE = "file://";

/** True for an output that goes to a file. @param path `file://` and the file's path, or a FIFO's */
export function isLogFile(path: string): boolean {
  return path.startsWith(FILE);
}

/**
 * Opens a file for a process's output, where that is one; it and its directory are made where they are missing.
 *
 * @param path `file://` and the file's path, or a FIFO's
 * @returns -1 for a FIFO
 */
export function openLogFile(path: string): number {
  if (!isLogFile(path)) return -1;
  const file = path.slice(FILE.length);
  sys.mkdirAll(file.slice(0, file.lastIndexOf("/")) || "/", 0o755);
  // Both outputs may go to one file, and it may hold those of an earlier process.
  return sys.open(file, sys.O.WRONLY | sys.O.CREAT | sys.O.APPEND, 0o644);
}
