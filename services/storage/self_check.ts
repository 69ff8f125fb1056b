import { isFile } from "../../lib/files/mod.ts";
import { askVersion } from "../../lib/process/mod.ts";
import type { SelfCheck } from "../../lib/service/mod.ts";
import type { BlockSettings, VirtiofsdSettings } from "./settings.ts";

/**
 * Whether the programs are there by which guests get their files. Which kinds of pods need which, their drivers say; so
 * `what` here is the name of the share.
 */
export async function storageCheck(virtiofsd: VirtiofsdSettings, block: BlockSettings): Promise<SelfCheck> {
  const missing = (what: string, path: string, remedy: string) =>
    isFile(path) ? [] : [{ what, problem: `is missing: ${path} does not exist`, remedy }];
  const { output } = await askVersion(virtiofsd.path);
  return {
    version: output.trim(),
    share: "",
    notes: [],
    problems: [
      ...missing(
        "virtiofs",
        virtiofsd.path,
        "install virtiofsd (Debian 13 has it), and name it in storage.toml (virtiofsd.path)",
      ),
      ...missing(
        "block",
        block.mkfs_erofs,
        "install erofs-utils, and name mkfs.erofs in storage.toml (block.mkfs_erofs)",
      ),
    ],
  };
}
