import type { DriverDeployment } from "../../drivers/contract/deployment.ts";
import { DRIVERS } from "../drivers.ts";

/** The name of our proxy plugin, which is the name of the sandboxer in containerd. */
const SANDBOXER_NAME = "kuasar";

/** A runtime handler that pods may ask for (`runtime_handler` in CRI, `handler` of a RuntimeClass). */
export interface RuntimeHandler {
  handler: string;
  runtimeType: string;
  /** Annotations that are handed on to the specs of containers. */
  annotations?: readonly string[];
}

/** What containerd offers of ours: with nothing else asked for, a pod gets the first handler. */
export function runtimeHandlers(drivers: readonly DriverDeployment[] = DRIVERS): RuntimeHandler[] {
  return drivers.flatMap(({ handlers, runtimeType, annotations }) =>
    handlers.map((handler) => ({ handler, runtimeType, ...annotations && { annotations } }))
  );
}

/** Versions of its configuration that containerd 2 reads and that have a place for our handlers. */
export type ConfigVersion = 2 | 3;

/** The plugin that has the runtimes, by the version of the configuration. */
export const CRI_PLUGINS: Readonly<Record<ConfigVersion, string>> = {
  2: "io.containerd.grpc.v1.cri",
  3: "io.containerd.cri.v1.runtime",
};

/** How containerd reaches the stdio of containers: FIFOs, its default, or streams over the task server's socket. */
export type IoType = "fifo" | "streaming";

/** Where a private containerd lives and what it uses. All paths are absolute. */
export interface ContainerdOptions {
  rootDir: string;
  stateDir: string;
  /** Unix socket of containerd's gRPC API. */
  address: string;
  /** Unix socket of the sandboxer. */
  sandboxerSocket: string;
  cniBinDirs: readonly string[];
  cniConfDir: string;
  /**
   * Image of pause containers. Adds the handlers that need one: containerd's own `runc`, and each of ours a second time as
   * a shim ({@link shimHandler}). Only tests use them.
   */
  pauseImage?: string;
  /** `fifo` unless given. */
  ioType?: IoType;
  logLevel?: "debug" | "info" | "warn";
  /** What a pod gets that asks for no handler; the first of ours unless given. */
  defaultHandler?: string;
  /** Drop-ins that offer our handlers, instead of this file. */
  imports?: readonly string[];
}

/** Snapshotters and services that a private containerd does not use; some of them log errors where they start. */
export const DISABLED_PLUGINS = [
  "io.containerd.snapshotter.v1.blockfile",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.erofs",
  "io.containerd.snapshotter.v1.native",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.nri.v1.nri",
  "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.internal.v1.tracing",
];

/** A TOML string: JSON's escapes are valid in it. */
export const quote = (text: string): string => JSON.stringify(text);
/** A TOML array of strings. */
export const list = (texts: readonly string[]): string => `[${texts.map(quote).join(", ")}]`;

/** The runtime type by which containerd runs the shim program of a handler instead of calling the sandboxer. */
export function shimRuntimeType(handler: string): string {
  return `io.containerd.${handler}.v2`;
}

/** The name under which a handler is offered a second time, without the Sandbox API. */
export function shimHandler(handler: string): string {
  return `${handler}-shim`;
}

/**
 * The tables that make an existing containerd, 2.0 or newer, know us.
 *
 * @param version of its configuration: of several files with different ones it reads all as the newest, and drops the CRI
 * section of the others
 */
export function handlerConfig(
  sandboxerSocket: string,
  handlers = runtimeHandlers(),
  ioType: IoType = "fifo",
  version: ConfigVersion = 3,
): string {
  const io = ioType === "fifo" ? "" : `  io_type = ${quote(ioType)}\n`;
  const passed = (annotations: readonly string[] = []) =>
    annotations.length === 0 ? "" : `  pod_annotations = ${list(annotations)}
  container_annotations = ${list(annotations)}
`;
  const tables = handlers.map(({ handler, runtimeType, annotations }) =>
    `[plugins.'${CRI_PLUGINS[version]}'.containerd.runtimes.${handler}]
  runtime_type = ${quote(runtimeType)}
  sandboxer = ${quote(SANDBOXER_NAME)}
${io}${passed(annotations)}`
  );
  return `[proxy_plugins.${SANDBOXER_NAME}]
  type = "sandbox"
  address = ${quote(sandboxerSocket)}

# No "options" table here: containerd 2.1 and 2.2 then fail every StartContainer.
${tables.join("\n")}`;
}

/** The whole configuration of a private containerd, as TOML. */
export function containerdConfig(options: ContainerdOptions): string {
  const withPause = options.pauseImage === undefined ? "" : pauseHandlers(options.pauseImage);
  const imports = options.imports === undefined ? "" : `imports = ${list(options.imports)}\n`;
  const handlers = options.imports === undefined
    ? handlerConfig(options.sandboxerSocket, runtimeHandlers(), options.ioType)
    : "";
  return `version = 3
${imports}root = ${quote(options.rootDir)}
state = ${quote(options.stateDir)}
disabled_plugins = ${list(DISABLED_PLUGINS)}

[debug]
  level = ${quote(options.logLevel ?? "info")}

[grpc]
  address = ${quote(options.address)}

[plugins.'io.containerd.internal.v1.opt']
  path = ${quote(`${options.rootDir}/opt`)}

[plugins.'io.containerd.cri.v1.images']
  snapshotter = "overlayfs"

[plugins.'io.containerd.cri.v1.runtime']
  # Network namespaces are mounted below "state" and go with it.
  netns_mounts_under_state_dir = true
  enable_unprivileged_ports = false
  enable_unprivileged_icmp = false
  # Without CAP_SYS_RESOURCE a lower score cannot be set, and runc then fails.
  restrict_oom_score_adj = true

[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ${list(options.cniBinDirs)}
  conf_dir = ${quote(options.cniConfDir)}

[plugins.'io.containerd.cri.v1.runtime'.containerd]
  default_runtime_name = ${quote(options.defaultHandler ?? runtimeHandlers()[0]!.handler)}
${withPause}
${handlers}`;
}

function pauseHandlers(pauseImage: string): string {
  const shims = runtimeHandlers().map(({ handler }) => [shimHandler(handler), shimRuntimeType(handler)]);
  const tables = [["runc", "io.containerd.runc.v2"], ...shims].map(([handler, type]) => `
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.${handler}]
  runtime_type = ${quote(type!)}
`);
  return `
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = ${quote(pauseImage)}
${tables.join("")}`;
}
