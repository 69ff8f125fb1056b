import { KuasarError } from "../errors/mod.ts";

/** containerd never sends more than a few; each is a mount on the host. */
const MAX_MOUNTS = 64;
const MAX_OPTIONS = 1024;

/** What is looked at of a mount of a container's root file system, as containerd's snapshotter tells it. */
interface RootfsMount {
  /** Where it is below the root file system; mostly empty. */
  readonly target: string;
  readonly options: readonly string[];
}

/**
 * Checks the mounts of a container's root file system.
 *
 * @throws KuasarError INVALID_ARGUMENT for too many or one that leaves the root, UNIMPLEMENTED for an id-mapped one
 */
export function checkRootfsMounts(mounts: readonly RootfsMount[]): void {
  if (mounts.length > MAX_MOUNTS || mounts.some(({ options }) => options.length > MAX_OPTIONS)) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot mount the rootfs: at most ${MAX_MOUNTS} mounts with ${MAX_OPTIONS} options each are taken`,
    );
  }
  for (const { target, options } of mounts) {
    if (target.split("/").includes("..")) {
      throw new KuasarError(
        "INVALID_ARGUMENT",
        `Cannot mount the rootfs: the target ${JSON.stringify(target)} leaves it`,
      );
    }
    const mapped = options.find((option) => /^(uidmap|gidmap|r?idmap)(=|$)/.test(option));
    if (mapped) {
      throw new KuasarError(
        "UNIMPLEMENTED",
        `Cannot mount the rootfs: the option ${mapped} asks for an id-mapped mount`,
      );
    }
  }
}

/** The options of a mount without those that containerd keeps for its own mount handlers. */
export function ownOptions(options: readonly string[]): string[] {
  return options.filter((option) => !/^x-containerd\./i.test(option));
}
