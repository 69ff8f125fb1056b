/**
 * The parts of the OCI runtime specification (1.2) that the project reads or changes.
 *
 * Objects may hold more properties than are named here; they are carried along untouched, as the
 * specification asks of a consumer.
 *
 * @see https://github.com/opencontainers/runtime-spec/blob/main/config.md
 */
export interface Spec {
  ociVersion: string;
  process?: Process;
  root?: Root;
  hostname?: string;
  domainname?: string;
  mounts?: Mount[];
  /** Programs run on the host around a container's life; opaque to us. */
  hooks?: unknown;
  annotations?: Record<string, string>;
  linux?: Linux;
}

/** The first process of a container, or one that is started beside it. */
export interface Process {
  terminal?: boolean;
  consoleSize?: { height: number; width: number };
  user?: User;
  args?: string[];
  env?: string[];
  /** Absolute working directory inside the container. */
  cwd: string;
  apparmorProfile?: string;
  selinuxLabel?: string;
  oomScoreAdj?: number;
  noNewPrivileges?: boolean;
  rlimits?: { type: string; soft: number | bigint; hard: number | bigint }[];
}

/** Ids inside the container. */
export interface User {
  uid: number;
  gid: number;
  umask?: number;
  additionalGids?: number[];
}

/** The root file system: an absolute path, or one relative to the bundle. */
export interface Root {
  path: string;
  readonly?: boolean;
}

/** A mount inside the container. */
export interface Mount {
  /** Absolute path inside the container. */
  destination: string;
  type?: string;
  source?: string;
  options?: string[];
}

/** The names of `linux.namespaces[].type`. */
export const NAMESPACE_TYPES = ["pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"] as const;
/** One of {@link NAMESPACE_TYPES}. */
export type NamespaceType = (typeof NAMESPACE_TYPES)[number];

/** A namespace to make, or with `path` to join. */
export interface Namespace {
  type: NamespaceType;
  path?: string;
}

/** A device node inside the container. */
export interface Device {
  path: string;
  /** `c`, `u` (unbuffered character), `b` or `p` (FIFO). */
  type: string;
  major?: number;
  minor?: number;
  fileMode?: number;
  uid?: number;
  gid?: number;
}

/** A rule of the device controller; without `major` or `minor` it holds for all of them. */
export interface DeviceRule {
  allow: boolean;
  type?: string;
  major?: number;
  minor?: number;
  access?: string;
}

/** `linux.resources`: the limits of a container. */
export interface Resources {
  devices?: DeviceRule[];
  memory?: { limit?: number | bigint; reservation?: number | bigint; swap?: number | bigint };
  cpu?: { shares?: number; quota?: number | bigint; period?: number; cpus?: string; mems?: string };
  pids?: { limit?: number | bigint };
  blockIO?: unknown;
  network?: unknown;
  rdma?: unknown;
  unified?: Record<string, string>;
}

/** `linux`: what only Linux has. */
export interface Linux {
  namespaces?: Namespace[];
  devices?: Device[];
  cgroupsPath?: string;
  resources?: Resources;
  uidMappings?: { containerID: number; hostID: number; size: number }[];
  gidMappings?: { containerID: number; hostID: number; size: number }[];
  rootfsPropagation?: string;
  mountLabel?: string;
  intelRdt?: unknown;
  seccomp?: unknown;
  sysctl?: Record<string, string>;
  maskedPaths?: string[];
  readonlyPaths?: string[];
}
