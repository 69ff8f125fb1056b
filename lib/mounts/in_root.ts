import { isErrno } from "../libc/mod.ts";
import { type Fd, openPath, RESOLVE } from "./syscalls.ts";

/**
 * Opens a path of a container's root file system as a process in there would: symbolic links lead where they would lead
 * inside, never to a file of the host.
 *
 * @returns undefined where there is none
 * @throws {Errno}
 */
export function openInRoot(root: Fd, path: string): Fd | undefined {
  try {
    return openPath(path, RESOLVE.inRoot | RESOLVE.noMagicLinks, root);
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
