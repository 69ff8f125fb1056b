import { KuasarError } from "../../lib/errors/mod.ts";
import type { SandboxPaths } from "../contract/sandbox_paths.ts";
import type { RestoreRequest } from "./api_types.ts";
import { atLeast, type Version } from "./version.ts";

/** The parts of a snapshot's `config.json` that belong to the VM it was taken of, and not to the next one. */
export interface SavedConfig {
  vsock?: { socket: string } | null;
  serial?: { mode: string; socket?: string | null } | null;
  net?: { id?: string | null; num_queues?: number | null }[] | null;
  fs?: unknown[] | null;
  landlock_rules?: { path: string; access: string }[] | null;
  [more: string]: unknown;
}

/** What a snapshot has besides its configuration. */
const CONTENT = ["state.json", "memory-ranges"];

/**
 * The configuration of a VM that is restored: a snapshot names its sockets by absolute paths, where the VM it was taken
 * of may still run.
 *
 * @throws {KuasarError} FAILED_PRECONDITION for a snapshot that cannot be restored here
 */
export function adaptConfig(saved: SavedConfig, paths: SandboxPaths): SavedConfig {
  if (saved.fs?.length) {
    throw new KuasarError(
      "FAILED_PRECONDITION",
      "Cannot restore a sandbox: its snapshot has a shared directory, whose files the guest holds open",
    );
  }
  const { vsock, serial, landlock_rules: rules } = saved;
  const oldDir = vsock?.socket.slice(0, vsock.socket.lastIndexOf("/"));
  return {
    ...saved,
    ...(vsock ? { vsock: { ...vsock, socket: paths.vsock } } : {}),
    ...(serial?.mode === "Socket" ? { serial: { ...serial, socket: paths.consoleSocket } } : {}),
    ...(rules
      ? { landlock_rules: rules.map((rule) => rule.path === oldDir ? { ...rule, path: paths.vmDir } : rule) }
      : {}),
  };
}

/**
 * Makes a snapshot ready for one VM: a directory of the sandbox's own with an adapted configuration, and links to the rest.
 *
 * @returns the body of `vm.restore`, and the queue pairs of each NIC
 * @throws {KuasarError} FAILED_PRECONDITION, DATA_LOSS for a directory that is no snapshot
 */
export async function stageSnapshot(
  { directory, onDemand }: { directory: string; onDemand: boolean },
  paths: SandboxPaths,
  version: Version,
): Promise<{ request: RestoreRequest; queuePairs: number[] }> {
  const config = adaptConfig(await readConfig(directory), paths);
  const staged = `${paths.vmDir}/restore`;
  await Deno.mkdir(staged, { mode: 0o700 });
  await Deno.writeTextFile(`${staged}/config.json`, JSON.stringify(config), { mode: 0o600 });
  for (const name of CONTENT) await Deno.symlink(`${directory}/${name}`, `${staged}/${name}`);
  const nics = (config.net ?? []).map(({ id, num_queues }) => ({
    id: id ?? "",
    num_fds: (num_queues ?? 2) / 2,
  }));
  return {
    request: {
      source_url: `file://${staged}`,
      ...(onDemand && atLeast(version, 52) ? { memory_restore_mode: "OnDemand" as const } : {}),
      ...(nics.length > 0 ? { net_fds: nics } : {}),
    },
    queuePairs: nics.map(({ num_fds }) => num_fds),
  };
}

async function readConfig(directory: string): Promise<SavedConfig> {
  let text: string;
  try {
    text = await Deno.readTextFile(`${directory}/config.json`);
  } catch (cause) {
    throw new KuasarError("NOT_FOUND", `Cannot restore a sandbox: ${directory} holds no snapshot`, { cause });
  }
  try {
    const config: unknown = JSON.parse(text);
    if (typeof config === "object" && config !== null) return config as SavedConfig;
  } catch {
    // Told below.
  }
  throw new KuasarError("DATA_LOSS", `Cannot restore a sandbox: ${directory}/config.json is no object`);
}
