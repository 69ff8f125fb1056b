/** CRIU's names for the files that are a process's stdin, stdout and stderr: `file[<mount id>:<inode>]`, both in hexadecimal. */
export type StdioKeys = readonly [
  stdin: readonly string[],
  stdout: readonly string[],
  stderr: readonly string[],
];

/** What CRIU is told besides the runtime's own request, in the form of its configuration files (criu(8)). */
export interface CriuConfig {
  keys: StdioKeys;
  /** Open TCP connections are part of the checkpoint. */
  openTcp: boolean;
}

/** The configuration for a dump: files from outside the container's mounts are somebody else's to keep. */
export function dumpConfig({ keys, openTcp }: CriuConfig): string {
  return lines(keys.flat().map((key) => `external ${key}`), openTcp);
}

/** The configuration for a restore: the same files are CRIU's own stdin, stdout and stderr. */
export function restoreConfig({ keys, openTcp }: CriuConfig): string {
  return lines(keys.flatMap((names, fd) => names.map((key) => `inherit-fd fd[${fd}]:${key}`)), openTcp);
}

/** Without connections there is no traffic to hold up, and for that CRIU would need iptables. */
function lines(options: readonly string[], openTcp: boolean): string {
  return [...new Set(options), ...(openTcp ? [] : ["network-lock skip"])].map((line) => `${line}\n`).join("");
}
