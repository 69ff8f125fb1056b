/** Capabilities that a jailed program may keep, by the kernel's names (capabilities(7)). */
export type Capability =
  | "chown"
  | "dac_override"
  | "fowner"
  | "fsetid"
  | "setgid"
  | "setuid"
  | "mknod"
  | "setfcap"
  | "net_admin";

/** What a program that is started through our agent's `kuasar-jail` may do. */
export interface Jail {
  /** The agent's program. */
  launcher: string;
  /** The capabilities that it has and can ever get. */
  capabilities: readonly Capability[];
  /** Its limit of open files; the own one unless given. */
  openFiles?: number;
  /** Its umask; the own one unless given. */
  umask?: number;
}

/** What is set for a program besides its jail. */
export interface JailSettings {
  /** How many descriptors it has, its standard streams among them. */
  descriptors: number;
  cgroups: readonly string[];
  oomScoreAdj?: number | undefined;
  noCore: boolean;
}

/**
 * The command line that starts `command` jailed, in namespaces of its own for mounts and IPC; the PID namespace is its parent's
 * to make. What each word means stands in guest/native/jail.c.
 */
export function jailed(command: readonly string[], jail: Jail, settings: JailSettings): string[] {
  const { launcher, capabilities, openFiles, umask } = jail;
  const { descriptors, cgroups, oomScoreAdj, noCore } = settings;
  return [
    launcher,
    "kuasar-jail",
    ...cgroups.map((cgroup) => `cgroup=${cgroup}`),
    ...(oomScoreAdj === undefined ? [] : [`oom=${oomScoreAdj}`]),
    ...(noCore ? ["core=off"] : []),
    ...(openFiles === undefined ? [] : [`limit.nofile=${openFiles}`]),
    // What it locks of a guest's memory for a device is the guest's, whose size its cgroup bounds.
    "limit.memlock=unlimited",
    ...["new=ipc", "new=mount"],
    ...(umask === undefined ? [] : [`umask=${umask.toString(8)}`]),
    `fds=${descriptors}`,
    `caps=${capabilities.join(",")}`,
    "--",
    ...command,
  ];
}
