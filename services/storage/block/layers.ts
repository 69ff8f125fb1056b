import { shortHash } from "../plan.ts";
import type { RootfsMount } from "../plan.ts";

/** The unchanged layers of an image. */
export interface Layers {
  /** The same for the same layers. */
  key: string;
  /** Mounts them without anything writable. */
  mount: RootfsMount;
}

/** What a layer's directory is, as far as it tells one from another that has taken its path. */
export interface LayerFacts {
  dev: number;
  ino: number;
  /** ms since 1970; 0 where the file system does not keep it. */
  madeAtMs: number;
}

/** What is asked of the host; a test gives its own. */
export interface LayerHost {
  stat(path: string): LayerFacts;
  isEmpty(directory: string): boolean;
}

/**
 * The layers of a rootfs that nobody has written to yet: an overlay whose upper directory is empty. Snapshotters never
 * change a layer once there is something above it, so one disk serves all containers that begin with the same layers.
 *
 * @returns undefined for any other rootfs, which gets a disk of its own
 */
export function untouchedLayers(rootfs: readonly RootfsMount[], host: LayerHost): Layers | undefined {
  const [only, ...others] = rootfs;
  if (!only || others.length > 0 || only.kind !== "overlay" || only.target.replaceAll("/", "") !== "") {
    return undefined;
  }
  const value = (name: string) =>
    only.options.find((option) => option.startsWith(`${name}=`))?.slice(name.length + 1);
  const upper = value("upperdir");
  // A backslash escapes: such paths are rare and not worth a cache.
  const lower = value("lowerdir");
  if (lower === undefined || lower.includes("\\") || (upper !== undefined && !host.isEmpty(upper))) {
    return undefined;
  }
  const layers = lower.split(":");
  if (layers.some((layer) => !layer.startsWith("/"))) return undefined;
  const key = shortHash(JSON.stringify(layers.map((path) => [path, host.stat(path)])));
  if (layers.length === 1) {
    // An overlay of a single layer is none.
    return { key, mount: { kind: "bind", target: "", readOnly: true, recursive: false, source: lower } };
  }
  const options = only.options.filter((option) => !/^(upperdir|workdir)=/.test(option));
  return { key, mount: { kind: "overlay", target: "", readOnly: true, options } };
}

/** The host as it is. */
export const layerHost: LayerHost = {
  stat(path) {
    const { dev, ino, birthtime } = Deno.statSync(path);
    return { dev, ino: ino ?? 0, madeAtMs: birthtime?.getTime() ?? 0 };
  },
  isEmpty: (directory) => Deno.readDirSync(directory)[Symbol.iterator]().next().done === true,
};
