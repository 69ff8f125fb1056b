import { OPEN, openFd, readFd, withFd } from "../../lib/libc/mod.ts";
import { type Fd, openInRoot, openPath, pathInRoot } from "../../lib/mounts/mod.ts";
import type { FoundFile } from "./entry.ts";
import { HEAD_LENGTH, moduleFormat } from "./module_format.ts";

/**
 * Looks for a file in the root file system of a container.
 *
 * @param rootfs the directory on the host
 * @returns undefined where there is no such regular file
 */
export function findFile(rootfs: string, path: string): FoundFile | undefined {
  using root = openPath(rootfs);
  using file = openInRoot(root, path);
  if (!file || !Deno.statSync(file.path).isFile) return undefined;
  const real = pathInRoot(root, file);
  return real === undefined ? undefined : { path: real, format: moduleFormat(readHead(file)) };
}

function readHead(file: Fd): Uint8Array {
  return withFd(openFd(file.path, OPEN.RDONLY | OPEN.NONBLOCK), (fd) => {
    const bytes = new Uint8Array(HEAD_LENGTH);
    return bytes.subarray(0, readFd(fd, bytes));
  });
}
