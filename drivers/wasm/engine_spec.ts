import type { Mount, Spec } from "../../lib/oci/mod.ts";
import { type EngineRoot, ETC_FILES, PLUGIN_DIR } from "./engine_root.ts";
import { GUEST_ROOT, MODULE_DIR, type Volume } from "./engine_run.ts";
import { hideArguments } from "./hidden_arguments.ts";

/** Mounts of a container that an engine needs for itself. */
const OWN_MOUNTS: readonly string[] = ["/proc", "/dev", "/dev/pts"];

/** What the bundle of an engine is made from. */
export interface EngineBundle {
  root: EngineRoot;
  /** Arguments of the engine. */
  args: readonly string[];
  /** The container's root file system on the host. */
  rootfs: string;
  volumes: readonly Volume[];
  /** Files on the host that are to be in {@link MODULE_DIR}, by their names there. */
  moduleFiles: ReadonlyMap<string, string>;
  /** Folder of the engine's plugins; empty for none. */
  pluginPath: string;
}

/**
 * Turns the spec of a container into that of an engine which runs its module: the engine's own root, read-only, with the
 * container's below {@link GUEST_ROOT}. Namespaces, cgroup, limits, user, capabilities and seccomp stay as they are.
 */
export function engineSpec(spec: Spec, bundle: EngineBundle): Spec {
  const { root, args, pluginPath } = bundle;
  const { process, mounts = [] } = spec;
  const hidden = hideArguments([root.program, ...args]);
  return {
    ...spec,
    root: { path: root.path, readonly: true },
    process: {
      ...process,
      cwd: "/",
      args: hidden.args,
      // The container's own variables are the module's, and say nothing to the engine.
      env: [
        ...pluginPath === ""
          ? [`LD_LIBRARY_PATH=${root.libraryPath}`]
          : [`LD_LIBRARY_PATH=${root.libraryPath}:${PLUGIN_DIR}`, `WASMEDGE_PLUGIN_PATH=${PLUGIN_DIR}`],
        ...hidden.env,
      ],
    },
    mounts: [
      ...mounts.filter(({ destination }) => OWN_MOUNTS.includes(destination)),
      bind(bundle.rootfs, GUEST_ROOT, spec.root?.readonly ?? false),
      ...bundle.volumes.map(({ path, mount }) => ({ ...mount, destination: GUEST_ROOT + path })),
      // An engine that resolves names reads these itself.
      ...mounts.filter(({ destination }) => (ETC_FILES as readonly string[]).includes(destination))
        .map((mount) => ({
          ...mount,
          options: [...(mount.options ?? []).filter((option) => option !== "rw" && option !== "ro"), "ro"],
        })),
      ...moduleMounts(bundle.moduleFiles),
      ...pluginPath === "" ? [] : [bind(pluginPath, PLUGIN_DIR, true)],
    ],
  };
}

/** A file can be mounted only where there is one: in memory the runtime may make it, in the engine's root it may not. */
function moduleMounts(files: ReadonlyMap<string, string>): Mount[] {
  if (files.size === 0) return [];
  const options = ["nosuid", "nodev", "noexec", "mode=755", "size=64k"];
  return [
    { destination: MODULE_DIR, type: "tmpfs", source: "tmpfs", options },
    ...[...files].map(([name, source]) => bind(source, `${MODULE_DIR}/${name}`, true)),
  ];
}

function bind(source: string, destination: string, readOnly: boolean): Mount {
  return {
    destination,
    type: "bind",
    source,
    options: ["rbind", "rprivate", "nosuid", "nodev", readOnly ? "ro" : "rw"],
  };
}
