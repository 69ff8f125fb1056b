import { KuasarError } from "../../../lib/errors/mod.ts";

/** A name with dots and its value. */
export type Sysctl = readonly [name: string, value: string];

/** The sysctls of a pod by the namespace that they belong to. */
export interface Sysctls {
  net: Sysctl[];
  ipc: Sysctl[];
  uts: Sysctl[];
}

/** Those of ipc namespaces, as the runtimes list them. */
const IPC =
  /^(?:kernel\.(?:msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)|fs\.mqueue\.[a-z_]+)$/;
const NET = /^net\.[A-Za-z0-9_./-]+$/;
const UTS = /^kernel\.domainname$/;

/**
 * Sorts a pod's sysctls.
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
    const kind = NET.test(name) ? "net" : IPC.test(name) ? "ipc" : UTS.test(name) ? "uts" : undefined;
    if (kind === undefined || !own[kind] || name.includes("..")) {
      throw new KuasarError(
        "INVALID_ARGUMENT",
        `Cannot set the sysctl ${
          JSON.stringify(name.slice(0, 120))
        }: it is not in a namespace of the pod's own`,
      );
    }
    sorted[kind].push([name, value]);
  }
  return sorted;
}

/** Writes sysctls in the namespaces of the calling thread. @throws KuasarError INVALID_ARGUMENT */
export function writeSysctls(sysctls: readonly Sysctl[]): void {
  for (const [name, value] of sysctls) {
    try {
      Deno.writeTextFileSync(`/proc/sys/${sysctlPath(name)}`, value, { create: false });
    } catch (cause) {
      throw new KuasarError(
        "INVALID_ARGUMENT",
        `Cannot set the sysctl ${name} to ${JSON.stringify(value)}: ${(cause as Error).message}`,
        { cause },
      );
    }
  }
}

/** Its path below /proc/sys. A dot separates, unless a slash comes first: then slashes do, and dots belong to names (sysctl(8)). */
export function sysctlPath(name: string): string {
  return /^[^./]*\//.test(name) ? name : name.replace(/[./]/g, (c) => c === "." ? "/" : ".");
}
