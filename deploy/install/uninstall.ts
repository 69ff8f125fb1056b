import { KuasarError } from "../../lib/errors/mod.ts";
import { readMountinfo } from "../../lib/mounts/mod.ts";
import { STOP_TARGET, TARGET } from "../systemd/mod.ts";
import type { InstallOptions } from "./install.ts";
import { folders, type Layout } from "./layout.ts";
import { fingerprint, manifestPath, readManifest } from "./manifest.ts";

/** What is removed. */
export interface UninstallOptions extends InstallOptions {
  /** Removes configuration too that somebody has changed or added. */
  purge?: boolean;
}

/**
 * Removes what was installed and the folders that were made for it, as far as nothing else is in them.
 *
 * @returns how many paths were removed
 * @throws KuasarError NOT_FOUND where nothing is installed, FAILED_PRECONDITION while something of it runs
 */
export function uninstall(layout: Layout, { dryRun = false, purge = false, say }: UninstallOptions): number {
  const manifest = readManifest(layout);
  const at = (path: string) => layout.destDir + path;
  if (!manifest) {
    throw new KuasarError(
      "NOT_FOUND",
      `Cannot uninstall: ${manifestPath(layout)} is missing; nothing is installed there`,
    );
  }
  if (!dryRun) checkThatNothingRuns(at(folders(layout).lib), at(manifest.runDir));
  let changes = 0;
  const remove = (path: string) => {
    changes++;
    say({ verb: "remove", path });
    if (!dryRun) Deno.removeSync(at(path), { recursive: true });
  };
  for (const [path, installed] of Object.entries(manifest.files)) {
    const found = fingerprint(at(path));
    if (found === undefined) continue;
    if (found !== installed && manifest.configs.includes(path) && !purge) {
      say({ verb: "keep", path, why: "it has been changed; --purge removes it too" });
    } else remove(path);
  }
  const dropIns = purge ? manifest.configs.map((path) => `${path}.d`) : [];
  for (const folder of [...manifest.filled, manifest.runDir, ...dropIns]) {
    if (fingerprint(at(folder)) !== undefined) remove(folder);
  }
  if (dryRun) return changes;
  Deno.removeSync(manifestPath(layout));
  for (const path of [...manifest.folders].reverse()) {
    if (isEmptyFolder(at(path))) remove(path);
  }
  return changes;
}

/** @throws KuasarError FAILED_PRECONDITION that says how to end what runs */
function checkThatNothingRuns(lib: string, runDir: string): void {
  const refuse = (what: string, evidence: string[]) =>
    new KuasarError(
      "FAILED_PRECONDITION",
      `Cannot uninstall: ${what}; remove the pods, then systemctl disable ${TARGET} && systemctl start ${STOP_TARGET}`,
      { evidence },
    );
  const running = processesOf(lib);
  if (running.length > 0) throw refuse(`${running.length} processes of it run`, running);
  // Of pods without a process of ours.
  const mounted = readMountinfo().map(({ mountPoint }) => mountPoint).filter((path) =>
    path.startsWith(`${runDir}/`)
  );
  if (mounted.length > 0) throw refuse(`${mounted.length} mounts of pods are left`, mounted);
}

function isEmptyFolder(path: string): boolean {
  try {
    return Deno.readDirSync(path)[Symbol.iterator]().next().done === true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}

/** `<pid> <program>` of every process whose program is below `lib`. */
function processesOf(lib: string): string[] {
  const found: string[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const program = Deno.readLinkSync(`/proc/${name}/exe`).replace(/ \(deleted\)$/, "");
      if (program.startsWith(`${lib}/`)) found.push(`${name} ${program}`);
    } catch {
      // ended while we looked, or a kernel thread
    }
  }
  return found;
}
