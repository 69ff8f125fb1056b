import { KuasarError } from "../../lib/errors/mod.ts";
import { VERSION } from "../../lib/service/mod.ts";
import type { Item } from "./item.ts";
import { filledFolders, type Layout } from "./layout.ts";
import { fileFingerprint, fingerprint, type Manifest, manifestPath, readManifest } from "./manifest.ts";

/** What an installation does with one path. */
export interface Action {
  verb: "install" | "update" | "remove" | "keep";
  path: string;
  /** Where there is more to say. */
  why?: string;
}

/** What is installed, and where. */
export interface InstallOptions {
  /** Looks and tells, and changes nothing. */
  dryRun?: boolean;
  /** Told of every change before it is made. */
  say(action: Action): void;
}

/** Added to the name of a new configuration file whose predecessor somebody has changed. */
const NEW_CONFIG = ".new";

/**
 * Puts the items where they belong. What is right already is left alone, so that a second run changes nothing; a file is
 * replaced by a rename, so that programs that run keep theirs. What an earlier installation had and this one has not goes.
 *
 * @returns how many paths were changed
 * @throws KuasarError FAILED_PRECONDITION where something is in the way
 */
export function install(
  layout: Layout,
  items: readonly Item[],
  { dryRun = false, say }: InstallOptions,
): number {
  const before = readManifest(layout);
  const manifest: Manifest = {
    version: VERSION,
    files: {},
    configs: [],
    folders: before?.folders ?? [],
    filled: filledFolders(layout),
    runDir: layout.runDir,
  };
  let changes = 0;
  const act = (action: Action, change: () => void) => {
    if (action.verb !== "keep") changes++;
    say(action);
    if (!dryRun) change();
  };
  for (const item of items) {
    if (item.kind === "folder") {
      if (!dryRun) makeFolder(layout, item.path, manifest);
      continue;
    }
    const wanted = wantedFingerprint(item);
    const decision = decide(layout, item, wanted, before?.files[item.path]);
    manifest.files[item.path] = wanted;
    if (item.kind === "text" && item.config) manifest.configs.push(item.path);
    if (decision.verb === "none") continue;
    const { to, ...action } = decision;
    if (to !== undefined && to !== item.path) manifest.files[to] = wanted;
    act(action, () => {
      if (to === undefined) return;
      makeFolder(layout, to.slice(0, to.lastIndexOf("/")), manifest);
      put(item, `${layout.destDir}${to}`);
    });
  }
  for (const path of Object.keys(before?.files ?? {})) {
    if (path in manifest.files) continue;
    if (before!.configs.includes(path) && fingerprint(layout.destDir + path) !== before!.files[path]) {
      say({ verb: "keep", path, why: "it has been changed" });
      continue;
    }
    if (fingerprint(layout.destDir + path) === undefined) continue;
    act({ verb: "remove", path, why: "no longer part of it" }, () => Deno.removeSync(layout.destDir + path));
  }
  if (!dryRun) writeAtomically(manifestPath(layout), JSON.stringify(manifest, null, 1) + "\n", 0o644);
  return changes;
}

type Decision = { verb: "none" } | Action & { to?: string };

/** @param earlier what the last installation had put there */
function decide(
  { destDir }: Layout,
  item: Exclude<Item, { kind: "folder" }>,
  wanted: string,
  earlier: string | undefined,
): Decision {
  const { path } = item;
  const found = fingerprint(destDir + path);
  if (found === wanted) return { verb: "none" };
  if (found === undefined) return { verb: "install", path, to: path };
  if (found === "folder") {
    throw new KuasarError("FAILED_PRECONDITION", `Cannot install ${path}: there is a folder of this name`);
  }
  const isConfig = item.kind === "text" && item.config;
  if (!isConfig || found === earlier) return { verb: "update", path, to: path };
  const beside = `${path}${NEW_CONFIG}`;
  const why = `it has been changed; ours is ${beside}`;
  return fingerprint(destDir + beside) === wanted
    ? { verb: "keep", path, why }
    : { verb: "keep", path, why, to: beside };
}

function wantedFingerprint(item: Exclude<Item, { kind: "folder" }>): string {
  if (item.kind === "link") return `link ${item.target}`;
  return fileFingerprint(
    item.mode,
    item.kind === "text" ? new TextEncoder().encode(item.text) : readSource(item.source),
  );
}

function readSource(path: string): Uint8Array {
  try {
    return Deno.readFileSync(path);
  } catch (cause) {
    throw new KuasarError("NOT_FOUND", `Cannot install: ${path} is missing; run deno task setup`, { cause });
  }
}

function put(item: Exclude<Item, { kind: "folder" }>, path: string): void {
  if (item.kind === "link") {
    const fresh = `${path}.tmp-${Deno.pid}`;
    Deno.symlinkSync(item.target, fresh);
    return Deno.renameSync(fresh, path);
  }
  writeAtomically(path, item.kind === "text" ? item.text : readSource(item.source), item.mode);
}

function writeAtomically(path: string, content: string | Uint8Array, mode: number): void {
  const fresh = `${path}.tmp-${Deno.pid}`;
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  Deno.writeFileSync(fresh, bytes, { mode });
  // The mode of a new file is narrowed by the umask.
  Deno.chmodSync(fresh, mode);
  Deno.renameSync(fresh, path);
}

/** Makes a folder and notes those that were not there. */
function makeFolder({ destDir }: Layout, path: string, manifest: Manifest): void {
  if (path === "" || fingerprint(destDir + path) !== undefined) return;
  makeFolder({ destDir } as Layout, path.slice(0, path.lastIndexOf("/")), manifest);
  Deno.mkdirSync(destDir + path, { recursive: true, mode: 0o755 });
  if (!manifest.folders.includes(path)) manifest.folders.push(path);
}
