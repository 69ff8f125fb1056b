import { KuasarError } from "../../lib/errors/mod.ts";

/** `sun_path` of unix(7) holds 108 bytes, the last one a zero. */
const MAX_UNIX_PATH_BYTES = 107;

/** Passes on a socket's path that can be one. @throws KuasarError INVALID_ARGUMENT for one that is too long */
export function checkUnixPath(path: string): string {
  const bytes = new TextEncoder().encode(path).length;
  if (bytes <= MAX_UNIX_PATH_BYTES) return path;
  throw new KuasarError(
    "INVALID_ARGUMENT",
    `Cannot place the socket ${path}: it has ${bytes} bytes, the limit is ${MAX_UNIX_PATH_BYTES}; use a shorter --run-dir`,
  );
}
