import type { GvisorConfig } from "./config.ts";

/** Files that runsc writes for a sandbox. */
export interface RunscLogs {
  /** Of the calls that make the sandbox, and of the sandbox itself. */
  log: string;
  /** What gVisor's kernel says when it panics. */
  panic: string;
}

/**
 * The flags that stand before the verb of every call for a sandbox: all calls must name the same root, and those that start
 * something the same settings.
 *
 * @param root of runsc's state
 * @param ownNetwork false for a pod on the host's network, which has no network namespace to take over
 */
export function globalArgs(
  config: Pick<
    GvisorConfig,
    | "platform"
    | "network"
    | "overlay2"
    | "hostUds"
    | "hostFifo"
    | "netRaw"
    | "ociSeccomp"
    | "debugLog"
    | "args"
  >,
  root: string,
  { ownNetwork, ownCgroup }: { ownNetwork: boolean; ownCgroup: boolean },
): string[] {
  return [
    "--root",
    root,
    `--platform=${config.platform}`,
    `--network=${ownNetwork ? config.network : "host"}`,
    `--overlay2=${config.overlay2}`,
    `--host-uds=${config.hostUds}`,
    `--host-fifo=${config.hostFifo}`,
    // A panic says more than a sandbox that hangs.
    "--watchdog-action=panic",
    ...(config.netRaw ? ["--net-raw"] : []),
    ...(config.ociSeccomp ? ["--oci-seccomp"] : []),
    ...(ownCgroup ? [] : ["--ignore-cgroups"]),
    ...(config.debugLog === "" ? [] : ["--debug", `--debug-log=${config.debugLog}/`]),
    ...config.args,
  ];
}

/** Adds where a call logs. */
export function withLogs(args: readonly string[], { log, panic }: RunscLogs): string[] {
  return [...args, "--log", log, "--log-format", "json", `--panic-log=${panic}`];
}

/** The command line of a program in a mount namespace of its own in which an empty directory hides `hidden`. */
export function hiding(hidden: string | undefined, command: readonly string[]): string[] {
  if (hidden === undefined) return [...command];
  return [
    "unshare",
    "--mount",
    "sh",
    "-c",
    'mount -t tmpfs -o ro none "$0" && exec "$@"',
    hidden,
    ...command,
  ];
}
