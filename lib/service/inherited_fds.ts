import { setCloseOnExec } from "../libc/mod.ts";

/** The first descriptor that is handed over (sd_listen_fds(3)). */
const FIRST_FD = 3;

/**
 * The listening socket that systemd or the supervisor handed to this process under `name`.
 *
 * `LISTEN_FDNAMES` names the descriptors from 3 on; a single unnamed one answers to every name. `LISTEN_PID`,
 * where set, must be this process, as the environment may have come down from a parent.
 *
 * @returns undefined when there is none: the caller listens on its own path then
 */
export function inheritedFd(
  name: string,
  environment: (key: string) => string | undefined = (key) => Deno.env.get(key),
): number | undefined {
  const count = inheritedCount(environment);
  if (count === 0) return undefined;
  const names = environment("LISTEN_FDNAMES");
  if (names === undefined || names === "") return count === 1 ? FIRST_FD : undefined;
  const index = names.split(":").slice(0, count).indexOf(name);
  return index < 0 ? undefined : FIRST_FD + index;
}

/**
 * Keeps these sockets from the programs that this process starts, as sd_listen_fds(3) does: whoever holds one can accept
 * connections in its place.
 *
 * @throws {Errno} EBADF where fewer were handed over than the environment says
 */
export function keepInheritedFds(): void {
  const count = inheritedCount((key) => Deno.env.get(key));
  for (let fd = FIRST_FD; fd < FIRST_FD + count; fd++) setCloseOnExec(fd);
}

/** How many descriptors this process, and not a parent of it, was handed. */
function inheritedCount(environment: (key: string) => string | undefined): number {
  const count = Number(environment("LISTEN_FDS") ?? "0");
  const pid = environment("LISTEN_PID");
  const ours = pid === undefined || pid === String(Deno.pid);
  return ours && Number.isInteger(count) && count > 0 ? count : 0;
}

/** The names of all sockets that were handed to this process by name. */
export function inheritedNames(): string[] {
  return (Deno.env.get("LISTEN_FDNAMES") ?? "").split(":").filter((name) => inheritedFd(name) !== undefined);
}
