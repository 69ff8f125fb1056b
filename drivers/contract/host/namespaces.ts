import { KuasarError } from "../../../lib/errors/mod.ts";
import {
  FS_MAGIC,
  mount,
  MS,
  ownNamespace,
  statFileSystem,
  type ThreadNamespace,
  withNetns,
  withNewNamespaces,
} from "../../../lib/libc/mod.ts";
import type { SandboxPaths } from "./paths.ts";
import type { SandboxRecord } from "./record.ts";
import { type Sysctls, writeSysctls } from "./sysctls.ts";

/**
 * Makes the namespaces of a sandbox and mounts each on a file of its own: from then on it lives without a process. The
 * network's is given. May be called once; what is half made goes with the sandbox's directory.
 *
 * @throws KuasarError INVALID_ARGUMENT for a sysctl that is not the sandbox's own; {Errno}
 */
export function makeNamespaces(record: SandboxRecord, paths: SandboxPaths, sysctls: Sysctls): void {
  Deno.mkdirSync(paths.namespaces, { mode: 0o700, recursive: true });
  const kinds = ownNamespaces(record);
  withNewNamespaces(kinds, () => {
    if (kinds.includes("uts")) Deno.writeTextFileSync("/proc/sys/kernel/hostname", record.hostname);
    writeSysctls(sysctls.ipc);
    writeSysctls(sysctls.uts);
    for (const kind of kinds) keepNamespace(ownNamespace(kind), paths[kind]);
  });
  if (sysctls.net.length > 0) withNetns(record.netnsPath, () => writeSysctls(sysctls.net));
}

/** Those that a sandbox has for itself besides the network's; on the host's network it has the host's name too. */
export function ownNamespaces({ netnsPath, ownIpc }: SandboxRecord): ThreadNamespace[] {
  return [...(ownIpc ? ["ipc" as const] : []), ...(netnsPath === "" ? [] : ["uts" as const])];
}

/** Mounts the namespace at `source` on `path`. */
export function keepNamespace(source: string, path: string): void {
  Deno.writeTextFileSync(path, "", { mode: 0o444 });
  mount({ source, target: path, flags: MS.BIND });
}

/** Whether every namespace of a sandbox is still there: after a reboot of the host none is. */
export function hasNamespaces(record: SandboxRecord, paths: SandboxPaths): boolean {
  const kept = [...ownNamespaces(record).map((kind) => paths[kind]), ...(record.sharePid ? [paths.pid] : [])];
  const network = record.netnsPath === "" ? [] : [record.netnsPath];
  return [...kept, ...network].every((path) => {
    try {
      return statFileSystem(path).type === FS_MAGIC.NSFS;
    } catch {
      return false;
    }
  });
}

/** @throws KuasarError INVALID_ARGUMENT where the path is no namespace */
export function checkNetns(path: string): void {
  if (path === "") return;
  try {
    if (statFileSystem(path).type === FS_MAGIC.NSFS) return;
  } catch (cause) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot use the network namespace ${path}: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
  throw new KuasarError("INVALID_ARGUMENT", `Cannot use ${path}: it is no network namespace`);
}
