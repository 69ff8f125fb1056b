import { createHash } from "node:crypto";
import { KuasarError } from "../../lib/errors/mod.ts";
import { folders, type Layout } from "./layout.ts";

/** What an installation has put on the host. Paths are without the staging folder. */
export interface Manifest {
  version: string;
  /** Path to what stood there after the installation, as {@link fingerprint} tells it. */
  files: Record<string, string>;
  /** Those of them that people may change, which then belong to them. */
  configs: string[];
  /** Folders that were not there before, outermost first. */
  folders: string[];
  /** What the services themselves fill, which is nobody else's. */
  filled: string[];
  /** Where they run. */
  runDir: string;
}

/** Where it is kept. */
export function manifestPath(layout: Layout): string {
  return `${layout.destDir}${folders(layout).lib}/installed.json`;
}

/** What an earlier installation left; undefined where there was none. @throws KuasarError DATA_LOSS for a broken file */
export function readManifest(layout: Layout): Manifest | undefined {
  const path = manifestPath(layout);
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  try {
    return JSON.parse(text) as Manifest;
  } catch (cause) {
    throw new KuasarError("DATA_LOSS", `Cannot tell what is installed: ${path} is not JSON; install again`, {
      cause,
    });
  }
}

/** What stands at a path: `link <target>`, `file <mode> <digest>`; undefined where nothing does. */
export function fingerprint(path: string): string | undefined {
  try {
    const info = Deno.lstatSync(path);
    if (info.isSymlink) return `link ${Deno.readLinkSync(path)}`;
    if (info.isDirectory) return "folder";
    return fileFingerprint(info.mode ?? 0, Deno.readFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** What {@link fingerprint} tells of a file with this content. */
export function fileFingerprint(mode: number, content: Uint8Array): string {
  return `file ${(mode & 0o777).toString(8)} ${createHash("sha256").update(content).digest("hex")}`;
}
