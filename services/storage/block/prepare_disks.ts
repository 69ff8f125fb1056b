import { unmountBelow } from "../../../lib/mounts/mod.ts";
import type { Spec } from "../../../lib/oci/mod.ts";
import { applyPlan, mountRootfs } from "../apply_plan.ts";
import type { Environment } from "../environment.ts";
import { guestBundle, guestRootfs } from "../guest_paths.ts";
import type { ContainerPaths, SandboxPaths } from "../paths.ts";
import { type ContainerPlan, diskSerial } from "../plan.ts";
import { type LayeredDisk, layeredMounts } from "./guest_mounts.ts";
import { layerHost, untouchedLayers } from "./layers.ts";
import { makeErofs } from "./make_erofs.ts";
import { checkVolumeSizes } from "./volume_size.ts";

/** Names of the images that a container may have for itself. */
export const OWN_IMAGES = ["bundle", "rootfs"] as const;

/**
 * Does what a plan says where nothing is shared with the guest: config.json and the volumes become one small disk, the
 * rootfs another, and the plan is completed with both. Rootfs and volumes are mounted on the host only as long as the
 * disks are written.
 *
 * @returns to be disposed of when the state knows of the disks; until then they are not removed for want of room
 * @throws KuasarError, Errno; what was done is for the caller to undo
 */
export async function prepareDisks(
  environment: Environment,
  { sandboxId, containerId }: { sandboxId: string; containerId: string },
  plan: ContainerPlan,
  spec: Spec,
  paths: ContainerPaths,
  sandbox: SandboxPaths,
): Promise<Disposable> {
  const { images, block, state } = environment;
  checkVolumeSizes(plan.volumes, block.volume_mib);
  const write = (path: string, directory: string) => makeErofs(block.mkfs_erofs, directory, path);
  const found = new Map<string, string>();
  using claims = new DisposableStack();
  try {
    applyPlan({ ...plan, rootfs: [] }, spec, paths, sandbox);
    const bundle = images.own(sandboxId, containerId, "bundle");
    await write(bundle, paths.shared);
    found.set("bundle", bundle);
    const rootfs = `${paths.shared}/rootfs`;
    const layers = untouchedLayers(plan.rootfs, layerHost);
    if (layers) {
      const image = claims.use(
        await images.layers(layers.key, async (path) => {
          mountRootfs(layers.mount, rootfs);
          await write(path, rootfs);
        }),
      );
      found.set("rootfs", image.path);
    } else if (plan.rootfs.length > 0) {
      for (const mount of plan.rootfs) mountRootfs(mount, rootfs);
      const own = images.own(sandboxId, containerId, "rootfs");
      await write(own, rootfs);
      found.set("rootfs", own);
    }
  } finally {
    unmountBelow(paths.shared);
  }
  complete(plan, containerId, found);
  images.trim(new Set(state.hostPathsInUse()));
  return claims.move();
}

function complete(plan: ContainerPlan, containerId: string, images: ReadonlyMap<string, string>): void {
  const targets: Record<string, string> = {
    bundle: guestBundle(containerId),
    rootfs: guestRootfs(containerId),
  };
  const disks: LayeredDisk[] = [...images.keys()].map((name) => ({
    name,
    serial: diskSerial(containerId, name),
    target: targets[name]!,
  }));
  for (const { name, serial } of disks) {
    plan.blockDevices.push({ hostPath: images.get(name)!, serial, readOnly: true });
  }
  // Volumes that are disks of their own are mounted in the bundle.
  plan.guestMounts.unshift(...layeredMounts(containerId, disks));
  const returned = plan.returned.map(({ hostPath }) => hostPath);
  for (const { source } of plan.volumes) {
    if (returned.includes(source)) continue;
    plan.notes.push(`volume ${source}: the guest has a copy; later changes on either side are not seen`);
  }
}
