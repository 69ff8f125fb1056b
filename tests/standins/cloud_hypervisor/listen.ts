import { exists } from "../../../lib/files/mod.ts";
import { listenUnixFd } from "../../../lib/libc/mod.ts";

/** The listening API socket. */
export interface ApiListener {
  fd: number;
  /** Removes what a clean exit removes. */
  remove(): void;
}

/**
 * Opens the API socket, by the rules of the version: up to 52 a socket file that is there makes the start fail, 53
 * replaces one that nobody serves.
 *
 * @param version major version
 * @throws {Error}
 */
export function listenForApi(api: { fd: number } | { path: string }, version: number): ApiListener {
  if ("fd" in api) return { fd: api.fd, remove: () => {} };
  if (version < 53 && exists(api.path)) {
    throw new Error(`Cannot create the API server: ${api.path}: address in use`);
  }
  const fd = listenUnixFd(api.path, 0o600);
  return { fd, remove: () => Deno.removeSync(api.path) };
}
