import type { DriverDeployment } from "../../drivers/contract/deployment.ts";
import { DRIVERS } from "../drivers.ts";

/** The name of our proxy plugin, which is the name of the sandboxer in containerd. */
export const SANDBOXER_NAME = "kuasar";

/** A runtime handler that pods may ask for (`runtime_handler` in CRI, `handler` of a RuntimeClass). */
export interface RuntimeHandler {
  handler: string;
  runtimeType: string;
}

/** What containerd offers of ours: with nothing else asked for, a pod gets the first handler. */
export function runtimeHandlers(drivers: readonly DriverDeployment[] = DRIVERS): RuntimeHandler[] {
  return drivers.flatMap(({ handlers, runtimeType }) =>
    handlers.map((handler) => ({ handler, runtimeType }))
  );
}

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
  /** Adds the stock runc handler `runc`, with this image for its pause container. Only tests compare with it. */
  runcPauseImage?: string;
  logLevel?: "debug" | "info" | "warn";
}

/** Snapshotters and services that a private containerd does not use; some of them log errors where they start. */
const DISABLED_PLUGINS = [
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
const quote = (text: string): string => JSON.stringify(text);
const list = (texts: readonly string[]): string => `[${texts.map(quote).join(", ")}]`;

/** The tables that make an existing containerd (2.0 or newer, config version 3) know us. */
export function handlerConfig(sandboxerSocket: string, handlers = runtimeHandlers()): string {
  const tables = handlers.map(({ handler, runtimeType }) =>
    `[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.${handler}]
  runtime_type = ${quote(runtimeType)}
  sandboxer = ${quote(SANDBOXER_NAME)}
`
  );
  return `[proxy_plugins.${SANDBOXER_NAME}]
  type = "sandbox"
  address = ${quote(sandboxerSocket)}

# No "options" table here: containerd 2.1 and 2.2 then fail every StartContainer.
${tables.join("\n")}`;
}

/** The whole configuration of a private containerd, as TOML. */
export function containerdConfig(options: ContainerdOptions): string {
  const runc = options.runcPauseImage === undefined ? "" : `
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = ${quote(options.runcPauseImage)}

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
`;
  return `version = 3
root = ${quote(options.rootDir)}
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
  default_runtime_name = ${quote(runtimeHandlers()[0]!.handler)}
${runc}
${handlerConfig(options.sandboxerSocket)}`;
}
