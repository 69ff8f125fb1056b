import { posix } from "node:path";
import { exists } from "../files/mod.ts";
import { openInRoot, pathInRoot } from "./in_root.ts";
import type { Fd } from "./syscalls.ts";

/**
 * Makes sure that something can be mounted at a path of a container's root file system, whose content may be hostile, and
 * tells where that is without symbolic links. Nothing is ever made outside of the root.
 *
 * @returns an absolute path below the root; undefined where none can be made, and for the root itself
 * @throws {Errno}
 */
export function makeMountPoint(root: Fd, path: string, isDirectory: boolean): string | undefined {
  const parts = posix.normalize(`/${path}`).split("/").filter(Boolean);
  for (let kept = parts.length; kept >= 0; kept--) {
    using found = openInRoot(root, `/${parts.slice(0, kept).join("/")}`);
    const at = found && pathInRoot(root, found);
    if (found === undefined || at === undefined) continue;
    const missing = parts.slice(kept);
    // What exists must be of the right kind, and only a directory can get what is missing.
    const info = Deno.statSync(found.path);
    if (missing.length === 0) return info.isDirectory === isDirectory && at !== "/" ? at : undefined;
    // A link that leads nowhere is in the way of what would be made.
    if (!info.isDirectory || exists(`${found.path}/${missing[0]}`)) return undefined;
    const below = missing.join("/");
    const folder = isDirectory ? below : posix.dirname(below);
    Deno.mkdirSync(`${found.path}/${folder}`, { recursive: true, mode: 0o755 });
    if (!isDirectory) Deno.writeTextFileSync(`${found.path}/${below}`, "", { createNew: true });
    return posix.join(at, below);
  }
  return undefined;
}
