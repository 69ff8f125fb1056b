import {
  type ContainerdOptions,
  DISABLED_PLUGINS,
  list,
  quote,
  runtimeHandlers,
  shimRuntimeType,
} from "./config.ts";

/**
 * How containerd 1.7 offers our handlers, as TOML.
 *
 * It starts the shim program that the runtime type names, which tells it where the task server is. `sandbox_mode` is read
 * only where its environment has `ENABLE_CRI_SANDBOXES`; without, every pod has a pause container.
 */
function handlerConfig17(handlers = runtimeHandlers()): string {
  return handlers.map(({ handler }) =>
    `[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.${handler}]
  runtime_type = ${quote(shimRuntimeType(handler))}
  sandbox_mode = "shim"
`
  ).join("\n");
}

/** The whole configuration of a private containerd 1.7, as TOML. */
export function containerd17Config(options: ContainerdOptions): string {
  return `version = 2
root = ${quote(options.rootDir)}
state = ${quote(options.stateDir)}
disabled_plugins = ${list(DISABLED_PLUGINS)}

[debug]
  level = ${quote(options.logLevel ?? "info")}

[grpc]
  address = ${quote(options.address)}

[plugins."io.containerd.internal.v1.opt"]
  path = ${quote(`${options.rootDir}/opt`)}

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = ${quote(options.pauseImage ?? "registry.k8s.io/pause:3.10")}
  netns_mounts_under_state_dir = true
  restrict_oom_score_adj = true

[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = ${quote(options.cniBinDirs[0] ?? "/opt/cni/bin")}
  conf_dir = ${quote(options.cniConfDir)}

[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "overlayfs"
  default_runtime_name = ${quote(runtimeHandlers()[0]!.handler)}

${handlerConfig17()}`;
}
