import type { Spec } from "../../lib/oci/mod.ts";

/** Which of a runtime's calls do nothing for a container that its state directory and its cgroup do not show. */
export interface PlainCalls {
  /** `start` only lets the init go on. */
  start: boolean;
  /** `delete` only removes the cgroup and the state directory. */
  delete: boolean;
}

/** A container of which nothing is known: all is left to the runtime. */
export const NOT_PLAIN: PlainCalls = { start: false, delete: false };

/**
 * What a spec leaves for `start` and `delete` to do.
 *
 * @param cgroup that is known of the container
 */
export function plainCallsOf({ hooks, linux }: Spec, cgroup: string): PlainCalls {
  const { poststart, poststop } = (hooks ?? {}) as { poststart?: unknown[]; poststop?: unknown[] };
  const own = linux as { intelRdt?: unknown } | undefined;
  return {
    start: !poststart?.length,
    delete: !poststop?.length && own?.intelRdt === undefined && linux?.cgroupsPath === cgroup,
  };
}

/**
 * Where a runtime keeps its state, by its command.
 *
 * @returns undefined where the command does not tell
 */
export function stateRootOf(command: readonly string[]): string | undefined {
  let root: string | undefined;
  for (const [i, word] of command.entries()) {
    if (/^--?root$/.test(word)) root = command[i + 1];
    else if (/^--?root=/.test(word)) root = word.slice(word.indexOf("=") + 1);
  }
  return root?.startsWith("/") ? root : undefined;
}
