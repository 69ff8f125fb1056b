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

/** Where the launcher makes a root before it is the root: a folder that every host has, and of which nothing is shown. */
const ROOT_PLACE = "/proc";

/** How a jailed program sees a file of the host: a device can be used, a tree has what is mounted in it, too, now and later. */
export type Access = "read" | "write" | "device" | "tree";

/** Something of the host in the root of a jailed program, at the path that it has on the host. */
export interface Shown {
  path: string;
  access: Access;
}

/** The root of a jailed program. It is read-only and has nothing of the host but what is named here. */
export interface JailRoot {
  /** What is in it for good. */
  shows: readonly Shown[];
  /** What is in it until it is sealed (lib/mounts): what the program opens when it starts. */
  untilSealed: readonly Shown[];
  /** A folder in it, in which the program starts. @default the root itself */
  cwd?: string;
}

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
  /** The user and the group that it runs as; the own ones unless given. */
  user?: number;
  /** The names of the system calls that it may make: any other kills it (SIGSYS). All unless given. */
  calls?: readonly string[];
  /** Its root; the host's unless given. */
  root?: JailRoot;
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
  const { launcher, capabilities, openFiles, umask, user, root, calls } = jail;
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
    ...(root ? [`root=${ROOT_PLACE}`, ...words(root.shows), "until=sealed", ...words(root.untilSealed)] : []),
    ...(root?.cwd === undefined ? [] : [`cwd=${root.cwd}`]),
    ...(user === undefined ? [] : [`user=${user}`]),
    ...(umask === undefined ? [] : [`umask=${umask.toString(8)}`]),
    `fds=${descriptors}`,
    ...(calls ? [`calls=${calls.join(",")}`] : []),
    `caps=${capabilities.join(",")}`,
    "--",
    ...command,
  ];
}

function words(shown: readonly Shown[]): string[] {
  return shown.map(({ path, access }) => `${access}=${path}`);
}
