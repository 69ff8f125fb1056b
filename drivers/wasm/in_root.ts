import { posix } from "node:path";
import { exists } from "../../lib/files/mod.ts";
import { isErrno } from "../../lib/libc/mod.ts";
import { type Fd, openPath, RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS } from "../../lib/mounts/mod.ts";

/**
 * Opens a path of a container's root file system as a process in there would: symbolic links lead where they would lead
 * inside, never to a file of the host.
 *
 * @returns undefined where there is none
 * @throws {Errno}
 */
export function openInRoot(root: Fd, path: string): Fd | undefined {
  try {
    return openPath(path, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS, root);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP", "EXDEV", "EACCES")) return undefined;
    throw error;
  }
}

/** Where what is open stands below a root, with a slash in front; undefined where it is not below it. */
export function pathInRoot(root: Fd, file: Fd): string | undefined {
  const [base, real] = [Deno.readLinkSync(root.path), Deno.readLinkSync(file.path)];
  if (real === base) return "/";
  return real.startsWith(`${base}/`) ? real.slice(base.length) : undefined;
}

/**
 * Makes sure that something can be mounted at a path of a root, and tells where that is without symbolic links: the OCI
 * runtime, to which this root is a folder of another one, would follow them elsewhere.
 *
 * @returns an absolute path below the root; undefined where none can be made
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
    if (missing.length === 0) return info.isDirectory === isDirectory ? at : undefined;
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
