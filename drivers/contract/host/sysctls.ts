import { KuasarError } from "../../../lib/errors/mod.ts";
import { sysctlPath } from "../../../lib/oci/mod.ts";

/** Its path below /proc/sys and its value. */
export type Sysctl = readonly [path: string, value: string];

/** The sysctls of a pod by the namespace that they belong to. */
export interface Sysctls {
  net: Sysctl[];
  ipc: Sysctl[];
  uts: Sysctl[];
}

/** Those of ipc namespaces, as the runtimes list them. */
const IPC =
  /^(?:kernel\/(?:msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)|fs\/mqueue\/[a-z_]+)$/;
const NET = /^net\//;
const UTS = /^kernel\/domainname$/;

/**
 * Sorts a pod's sysctls, in either spelling.
 *
 * @param own the namespaces that the sandbox has for itself
 * @throws KuasarError INVALID_ARGUMENT for one that would change the host
 */
export function sortSysctls(
  sysctls: Readonly<Record<string, string>>,
  own: { net: boolean; ipc: boolean; uts: boolean },
): Sysctls {
  const sorted: Sysctls = { net: [], ipc: [], uts: [] };
  for (const [name, value] of Object.entries(sysctls)) {
    const path = sysctlPath(name);
    const kind = NET.test(path) ? "net" : IPC.test(path) ? "ipc" : UTS.test(path) ? "uts" : undefined;
    if (kind === undefined || !own[kind]) {
      throw new KuasarError(
        "INVALID_ARGUMENT",
        `Cannot set the sysctl ${
          JSON.stringify(name.slice(0, 120))
        }: it is not in a namespace of the pod's own`,
      );
    }
    sorted[kind].push([path, value]);
  }
  return sorted;
}

/** Writes sysctls in the namespaces of the calling thread. @throws KuasarError INVALID_ARGUMENT */
export function writeSysctls(sysctls: readonly Sysctl[]): void {
  for (const [path, value] of sysctls) {
    try {
      Deno.writeTextFileSync(`/proc/sys/${path}`, value, { create: false });
    } catch (cause) {
      throw new KuasarError(
        "INVALID_ARGUMENT",
        `Cannot set the sysctl ${path} to ${JSON.stringify(value)}: ${(cause as Error).message}`,
        { cause },
      );
    }
  }
}
