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
  const count = Number(environment("LISTEN_FDS") ?? "0");
  if (!Number.isInteger(count) || count < 1) return undefined;
  const pid = environment("LISTEN_PID");
  if (pid !== undefined && pid !== String(Deno.pid)) return undefined;
  const names = environment("LISTEN_FDNAMES");
  if (names === undefined || names === "") return count === 1 ? FIRST_FD : undefined;
  const index = names.split(":").slice(0, count).indexOf(name);
  return index < 0 ? undefined : FIRST_FD + index;
}

/** The names of all sockets that were handed to this process by name. */
export function inheritedNames(): string[] {
  return (Deno.env.get("LISTEN_FDNAMES") ?? "").split(":").filter((name) => inheritedFd(name) !== undefined);
}
