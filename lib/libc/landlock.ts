import { libc } from "./library.ts";

/** The same on every architecture. */
const SYS_LANDLOCK_CREATE_RULESET = 444n;
const CREATE_RULESET_VERSION = 1n;

/** The version of Landlock's interface that the running kernel has (landlock(7)); 0 where it has none. */
export function landlockVersion(): number {
  return Math.max(0, Number(libc().syscall(SYS_LANDLOCK_CREATE_RULESET, 0n, 0n, CREATE_RULESET_VERSION, 0n)));
}
