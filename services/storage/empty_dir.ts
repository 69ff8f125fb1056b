import { join, relative } from "node:path/posix";
import { isWithin, placeInFilesystem } from "../../lib/mounts/mod.ts";
import { type HostFacts } from "./host_facts.ts";

/** A kubelet's emptyDir, and a part of it. */
export interface EmptyDir {
  root: string;
  /** Empty for all of it. */
  below: string;
}

/** `…/pods/<uid>/volumes/kubernetes.io~empty-dir/<name>`, and what is below. */
const DIRECT = /^(.*\/kubernetes\.io~empty-dir\/[^/]+)(?:\/(.*))?$/;
/** `…/pods/<uid>/volume-subpaths/<name>/<container>/<number>`: where a kubelet binds a subPath. */
const SUB_PATH = /^(.*\/pods\/[^/]+)\/volume-subpaths\/([^/]+)\/[^/]+\/\d+$/;

/** The emptyDir that a real path of the host is, or is a part of. */
export function emptyDirOf(path: string, facts: HostFacts): EmptyDir | undefined {
  const [, direct, below = ""] = DIRECT.exec(path) ?? [];
  const [, pod, name] = SUB_PATH.exec(path) ?? [];
  const root = direct ?? (pod && `${pod}/volumes/kubernetes.io~empty-dir/${name}`);
  if (root === undefined || !facts.exists(root)) return undefined;
  const [whole, part] = [facts.mountOf(root), facts.mountOf(path)];
  if (!whole || !part || whole.device !== part.device) return undefined;
  if (direct !== undefined) return { root, below };
  const [dir, place] = [placeInFilesystem(root, whole).path, placeInFilesystem(path, part).path];
  if (!isWithin(place, dir)) return undefined;
  const rest = relative(dir, place);
  return facts.isSame(join(root, rest), path) ? { root, below: rest } : undefined;
}

/** Whether an emptyDir is a tmpfs of its own. */
export function isInMemory({ root }: EmptyDir, facts: HostFacts): boolean {
  const mount = facts.mountOf(root);
  return mount?.fsType === "tmpfs" && mount.mountPoint === root;
}
