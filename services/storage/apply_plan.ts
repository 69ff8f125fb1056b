import { replaceFile } from "../../lib/files/mod.ts";
import { MS } from "../../lib/libc/mod.ts";
import { bindMount, mountOverlay, openMountPoint, openPath, RESOLVE } from "../../lib/mounts/mod.ts";
import { type Spec, stringifySpec } from "../../lib/oci/mod.ts";
import { ATTACHMENTS } from "./guest_paths.ts";
import { type ContainerPaths, type SandboxPaths } from "./paths.ts";
import { type ContainerPlan, type RootfsMount, type SharedVolume } from "./plan.ts";

/** A guest works through the daemon's file calls; on the host nothing of an image needs set-id or devices. */
const GUESTS_ONLY = MS.NOSUID | MS.NODEV;

/**
 * Does what the plan says: directories in our tree, mounts in the share, config.json last. Synchronous and without
 * any other process, a few system calls for each mount. What it has done when it throws is for the caller to undo.
 *
 * @throws {Errno} for a mount that fails
 */
export function applyPlan(
  plan: ContainerPlan,
  spec: Spec,
  paths: ContainerPaths,
  sandbox: SandboxPaths,
): void {
  Deno.mkdirSync(`${paths.tree}/rootfs`, { recursive: true, mode: 0o755 });
  Deno.mkdirSync(`${paths.tree}/volumes`, { mode: 0o755 });
  for (const index of plan.mountPoints) Deno.mkdirSync(`${paths.tree}/volumes/${index}`, { mode: 0o755 });
  for (const mount of plan.rootfs) mountRootfs(mount, `${paths.shared}/rootfs`);
  if (plan.volumes.length > 0) {
    Deno.mkdirSync(`${sandbox.tree}/${ATTACHMENTS}`, { recursive: true, mode: 0o755 });
  }
  for (const volume of plan.volumes) bindVolume(volume, sandbox);
  replaceFile(`${paths.tree}/config.json`, stringifySpec(spec));
}

/** Mounts one part of a rootfs. @throws {Errno} */
export function mountRootfs(entry: RootfsMount, rootfs: string): void {
  using top = openMountPoint(rootfs);
  // What lies below the first mount comes from an image: no link in it may lead a later one elsewhere.
  using at = entry.target === "" || entry.target === "/" ? openMountPoint(rootfs) : openPath(
    entry.target.replace(/^\/+/, ""),
    RESOLVE.beneath | RESOLVE.noSymlinks | RESOLVE.noMagicLinks,
    top,
  );
  if (entry.kind === "overlay") return mountOverlay(entry.options, at.path, rootfs, GUESTS_ONLY);
  using source = openPath(entry.source);
  bindMount(source, at, { recursive: entry.recursive, readOnly: entry.readOnly }, entry.source);
}

function bindVolume(volume: SharedVolume, { tree, shared }: SandboxPaths): void {
  const { place, source: path, mode } = volume;
  if (volume.isDirectory) Deno.mkdirSync(`${tree}/${place}`, { mode: 0o755 });
  else Deno.writeFileSync(`${tree}/${place}`, new Uint8Array(), { createNew: true, mode: 0o644 });
  // Its links were followed when it was looked at: one that is there now was put there by somebody who may write beside it.
  using source = openPath(path, RESOLVE.noSymlinks | RESOLVE.noMagicLinks);
  const { recursive, propagation } = volume;
  const modes = { readOnly: mode === "ro", recursiveReadOnly: mode === "rro" };
  bindMount(source, `${shared}/${place}`, { recursive, propagation, ...modes }, path);
}
