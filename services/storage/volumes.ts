import { KuasarError } from "../../lib/errors/mod.ts";
import { join } from "node:path/posix";
import { isWithin, placeInFilesystem } from "../../lib/mounts/mod.ts";
import { type Mount } from "../../lib/oci/mod.ts";
import { type Attachment, pathBelow, type Wanted } from "./attachment.ts";
import { type EmptyDir, emptyDirOf, isInMemory } from "./empty_dir.ts";
import {
  attachmentPlace,
  guestAttachment,
  guestBind,
  guestVolume,
  POD_SHM,
  POD_VOLUMES,
} from "./guest_paths.ts";
import { type HostFacts, type PathFacts } from "./host_facts.ts";
import { type ContainerPlan, diskSerial, shortHash } from "./plan.ts";
import { isBind, isOwnShm } from "./spec/mounts.ts";

/** Directories that describe a kernel: the guest's own is meant, the host's could not be shared. */
const KERNEL_DIRS = ["/proc", "/sys", "/dev"];
/** The shared memory that containerd mounts for a pod: `…/sandboxes/<id>/shm`. */
const POD_SHM_OF_CONTAINERD = /\/sandboxes\/[^/]+\/shm$/;

/** A kubelet's file for the last words of a container: `…/pods/<uid>/containers/<name>/<8 hexadecimal digits>`. */
const TERMINATION_LOG = /\/pods\/[^/]+\/containers\/[^/]+\/[0-9a-f]{8}$/;

/** Propagation of what the host mounts into the container. */
const FOLLOWING = ["rslave", "slave", "rshared", "shared"];

/** What to plan volumes for. */
interface Target {
  containerId: string;
  /** Our own directory; no container may have it as a volume. */
  storageDir: string;
  /** What the pod's share has already, and where that is on the host. */
  pod: { attachments: readonly Attachment[]; shared: string };
  /**
   * Set where nothing is shared and files and directories are copied into the guest, which never writes them back:
   * whether a directory that may be written to is copied too.
   */
  copies?: { writable: boolean };
}

/**
 * Decides for each bind mount of a spec how its source gets into the guest, and adds it to the plan. In this order:
 * /dev/shm → the pod's; a block device → hot-plugged and mounted by the guest; below /proc, /sys, /dev → the
 * guest's own; a tmpfs emptyDir → a tmpfs in the guest; a file or directory → bound into the share once for all
 * containers of the pod, or copied where there is none.
 *
 * @throws UNIMPLEMENTED for a socket, FIFO, character device or huge pages; FAILED_PRECONDITION for a source that
 * does not exist, or that is written to where it can only be copied; PERMISSION_DENIED for one of ours
 */
export function planVolumes(
  mounts: readonly Mount[],
  facts: HostFacts,
  target: Target,
  plan: ContainerPlan,
): void {
  mounts.forEach((mount, index) => {
    if (isBind(mount)) planBind(mount, index, facts, target, plan);
    else if (isOwnShm(mount)) planPodShm(mount.options ?? [], plan);
  });
}

function planBind(mount: Mount, index: number, facts: HostFacts, target: Target, plan: ContainerPlan): void {
  const source = mount.source ?? "";
  if (!source.startsWith("/")) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot mount ${mount.destination}: the source of a bind must be an absolute path, is ${
        JSON.stringify(source)
      }`,
    );
  }
  if (source === "/dev/shm" || POD_SHM_OF_CONTAINERD.test(source)) {
    planPodShm([], plan);
    plan.guestSources.set(index, POD_SHM);
    return;
  }
  if (KERNEL_DIRS.some((dir) => isWithin(source, dir)) && !isWithin(source, "/dev/shm")) {
    if (facts.stat(source).kind === "block") return planBlock(mount, index, source, target, plan, facts);
    plan.notes.push(`volume ${mount.destination}: ${source} is the guest's own, not the host's`);
    plan.guestSources.set(index, source);
    return;
  }
  const real = facts.realPath(source);
  if (isWithin(real, target.storageDir)) {
    throw new KuasarError(
      "PERMISSION_DENIED",
      `Cannot mount ${source}: it belongs to another pod or to Kuasar itself`,
    );
  }
  const found = facts.stat(real);
  if (found.kind === "block") return planBlock(mount, index, real, target, plan, facts);
  if (found.kind !== "directory" && found.kind !== "file") {
    throw new KuasarError(
      "UNIMPLEMENTED",
      `Cannot mount ${source} into a VM: a ${found.kind} works on its own host only`,
    );
  }
  if (found.kind === "directory") {
    const home = facts.mountOf(real);
    if (home?.fsType === "hugetlbfs") {
      throw new KuasarError("UNIMPLEMENTED", `Cannot mount ${source} into a VM: huge pages cannot be shared`);
    }
    const emptyDir = emptyDirOf(real, facts);
    // Nothing of a copied one is ever read on the host, and the containers of the pod must see the same.
    if (emptyDir && (target.copies || isInMemory(emptyDir, facts))) {
      return planTmpfs(index, emptyDir, found, target, plan, facts);
    }
  }
  const isDirectory = found.kind === "directory";
  // A single file is a termination log, which is copied back, or the pod's hosts, whose pod works without what is written there.
  if (isDirectory && target.copies?.writable === false) refuseWritable(mount, source);
  planShared(mount, index, real, isDirectory, target, plan, facts);
}

function refuseWritable({ options, destination }: Mount, source: string): void {
  if (options?.some((option) => option === "ro" || option === "rro")) return;
  throw new KuasarError(
    "FAILED_PRECONDITION",
    `Cannot mount ${source} at ${destination}: nothing is shared with this pod's guest, so that what is written ` +
      "there would be lost; mount it read-only, use a block volume, or set block.copy_writable",
  );
}

function planShared(
  mount: Mount,
  index: number,
  source: string,
  isDirectory: boolean,
  target: Target,
  plan: ContainerPlan,
  facts: HostFacts,
): void {
  const options = new Set(mount.options);
  // As the runtimes have it: only `bind` alone leaves the mounts below behind.
  const recursive = options.has("rbind") || !options.has("bind");
  const mode = options.has("rro") ? "rro" : options.has("ro") ? "ro" : "rw";
  const modeOfHost = mode === "ro" && recursive && isDirectory && facts.hasMountsBelow(source);
  if (modeOfHost) plan.modesOfHost.add(index);
  const propagation = FOLLOWING.some((option) => options.has(option)) ? "slave" : "private";
  const { containerId } = target;
  if (target.copies) {
    const place = `${containerId}/volumes/${index}`;
    plan.volumes.push({ source, place, isDirectory, recursive, mode, propagation });
    plan.guestSources.set(index, guestVolume(containerId, index));
    if (!isDirectory && mode === "rw" && TERMINATION_LOG.test(source)) {
      plan.returned.push({ volume: index, hostPath: source });
    }
    return;
  }
  const wanted: Wanted = { ...placeOf(source, facts), recursive, mode, propagation };
  const { attachment, below } = findAttachment(source, wanted, modeOfHost, target, plan, facts) ??
    attach(source, wanted, isDirectory, `${containerId}.${index}`, plan, facts);
  if (!plan.attachments.includes(attachment)) plan.attachments.push(attachment);
  planGuestBind(guestAttachment(attachment.id), below, [], index, containerId, plan);
}

/** Finds what a container asks for in what its pod has already, or will have by this plan. */
function findAttachment(
  source: string,
  wanted: Wanted,
  modeOfHost: boolean,
  { pod }: Target,
  plan: ContainerPlan,
  facts: HostFacts,
): { attachment: Attachment; below: string } | undefined {
  for (const attachment of [...pod.attachments, ...plan.attachments]) {
    const below = pathBelow(attachment, wanted, modeOfHost);
    if (below === undefined) continue;
    const place = attachmentPlace(attachment.id);
    const planned = plan.volumes.find((volume) => volume.place === place);
    // Something else may be mounted on the way to it.
    if (facts.isSame(join(planned?.source ?? `${pod.shared}/${place}`, below), source)) {
      return { attachment, below };
    }
  }
  return undefined;
}

/** An emptyDir is the pod's own: all of it is attached, to be written to, whatever its first container asks for. */
function attach(
  source: string,
  wanted: Wanted,
  isDirectory: boolean,
  id: string,
  plan: ContainerPlan,
  facts: HostFacts,
): { attachment: Attachment; below: string } {
  const { root, below } = emptyDirOf(source, facts) ?? { root: undefined, below: "" };
  const attachment: Attachment = root === undefined
    ? { ...wanted, id }
    : { ...wanted, ...placeOf(root, facts), mode: "rw", id };
  const { recursive, mode, propagation } = attachment;
  plan.volumes.push({
    source: root ?? source,
    place: attachmentPlace(id),
    isDirectory: root !== undefined || isDirectory,
    recursive,
    mode,
    propagation,
  });
  return { attachment, below };
}

function placeOf(path: string, facts: HostFacts): { device: string; path: string } {
  const mount = facts.mountOf(path);
  if (mount) return placeInFilesystem(path, mount);
  throw new KuasarError("INTERNAL", `Cannot mount ${path}: no mount of the host has it`);
}

/** Has the agent bind what is at a place of the guest, or below it, for one container. */
function planGuestBind(
  source: string,
  subPath: string,
  made: string[],
  index: number,
  containerId: string,
  plan: ContainerPlan,
): void {
  const at = guestBind(containerId, index);
  plan.guestMounts.push({ type: "bind", source, subPath, target: at, options: made, podScoped: false });
  plan.guestSources.set(index, at);
}

function planBlock(
  mount: Mount,
  index: number,
  source: string,
  { containerId }: Target,
  plan: ContainerPlan,
  facts: HostFacts,
): void {
  const readOnly = (mount.options ?? []).some((option) => option === "ro" || option === "rro");
  const serial = diskSerial(containerId, `volume-${index}`);
  const at = guestVolume(containerId, index);
  plan.mountPoints.push(index);
  plan.blockDevices.push({ hostPath: source, serial, readOnly });
  plan.guestMounts.push({
    type: facts.filesystemOf(source),
    source: `serial:${serial}`,
    target: at,
    options: readOnly ? ["ro"] : [],
    podScoped: false,
  });
  plan.guestSources.set(index, at);
}

/**
 * An emptyDir in memory lives in the guest's memory, as it would have lived in the host's; all containers see it, or a part.
 *
 * @param found the directory that is asked for: where it is not there in the guest it is made so
 */
function planTmpfs(
  index: number,
  { root, below }: EmptyDir,
  found: PathFacts,
  { containerId }: Target,
  plan: ContainerPlan,
  facts: HostFacts,
): void {
  const target = `${POD_VOLUMES}/${shortHash(root)}`;
  const home = facts.mountOf(root);
  const size = home?.mountPoint === root ? home.superOptions : [];
  addPodMount(plan, {
    type: "tmpfs",
    source: "tmpfs",
    target,
    options: [...size.filter((option) => /^(size|nr_inodes)=/.test(option)), ...rights(facts.stat(root))],
    podScoped: true,
  });
  if (below === "") plan.guestSources.set(index, target);
  else planGuestBind(target, below, rights(found), index, containerId, plan);
}

function rights({ mode, uid, gid }: PathFacts): string[] {
  return [`mode=${mode.toString(8)}`, `uid=${uid}`, `gid=${gid}`];
}

function planPodShm(options: readonly string[], plan: ContainerPlan): void {
  const size = options.find((option) => option.startsWith("size=")) ?? "size=65536k";
  addPodMount(plan, {
    type: "tmpfs",
    source: "shm",
    target: POD_SHM,
    options: ["nosuid", "nodev", "noexec", "mode=1777", size],
    podScoped: true,
  });
}

function addPodMount(plan: ContainerPlan, mount: ContainerPlan["guestMounts"][number]): void {
  if (!plan.guestMounts.some(({ target }) => target === mount.target)) plan.guestMounts.push(mount);
}
