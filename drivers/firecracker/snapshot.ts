import { KuasarError } from "../../lib/errors/mod.ts";
import type { StartRequest } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import type { Shown } from "../../lib/process/mod.ts";
import { blockFileKind } from "../contract/vm/block_file.ts";
import type { Snapshot } from "../contract/vm/hypervisor.ts";
import type { FirecrackerApi } from "./api.ts";
import type { FullVmConfig, SnapshotLoad } from "./api_types.ts";
import { DISKS, serialOf } from "./drive_paths.ts";

/** What is in the directory of a snapshot, besides the links to disks. */
const FILES = { config: "config.json", state: "state", memory: "memory" } as const;

/**
 * Writes a VM whose vCPUs stand: its state and memory, which are Firecracker's, what it is made of, and where its disks are.
 *
 * @param dir the sandbox's
 * @throws {KuasarError}
 */
export async function writeSnapshot(
  api: Pick<FirecrackerApi, "vmConfig" | "createSnapshot">,
  dir: string,
  directory: string,
): Promise<void> {
  const config = await api.vmConfig();
  await copyLinks(serialsOf(config), dir, directory);
  await api.createSnapshot({
    snapshot_type: "Full",
    snapshot_path: `${directory}/${FILES.state}`,
    mem_file_path: `${directory}/${FILES.memory}`,
  });
  // Last: a directory without it is no snapshot.
  await Deno.writeTextFile(`${directory}/${FILES.config}`, JSON.stringify(config), { mode: 0o600 });
}

/**
 * Makes a sandbox's directory ready for the VM of a snapshot. Its memory is paged in from the file as the guest asks for it,
 * on demand or not: Firecracker knows no other way.
 *
 * @returns what the VMM is to be told
 * @throws {KuasarError} NOT_FOUND, DATA_LOSS for a directory that holds no snapshot, FAILED_PRECONDITION for another number
 * of NICs
 */
export async function stageSnapshot(
  { directory }: Snapshot,
  { nics }: Pick<StartRequest, "nics">,
  dir: string,
): Promise<SnapshotLoad> {
  const config = await readConfig(directory);
  const saved = config["network-interfaces"] ?? [];
  if (saved.length !== nics.length) {
    throw new KuasarError(
      "FAILED_PRECONDITION",
      `Cannot restore a sandbox: its snapshot has ${saved.length} NICs, the request ${nics.length}`,
    );
  }
  await copyLinks(serialsOf(config), directory, dir);
  return {
    snapshot_path: `${directory}/${FILES.state}`,
    mem_backend: { backend_type: "File", backend_path: `${directory}/${FILES.memory}` },
    resume_vm: true,
    ...(nics.length > 0 && {
      network_overrides: nics.map(({ tap }, index) => ({ iface_id: `nic${index}`, host_dev_name: tap })),
    }),
  };
}

/** The disks that the VM of a snapshot opens. What is no disk any more is left to the VMM's own word. */
export async function disksOfSnapshot({ directory }: Snapshot): Promise<Shown[]> {
  const paths = await Promise.all(
    serialsOf(await readConfig(directory)).map((serial) => Deno.readLink(`${directory}/${DISKS}/${serial}`)),
  );
  const found = await Promise.all(paths.map(async (path): Promise<Shown[]> => {
    const kind = await blockFileKind(path).catch(() => undefined);
    return kind === undefined ? [] : [{ path, access: kind === "device" ? "device" : "write" }];
  }));
  return found.flat();
}

function serialsOf({ drives }: Pick<FullVmConfig, "drives">): string[] {
  return (drives ?? []).flatMap(({ path_on_host: path }) => serialOf(path ?? "") ?? []);
}

async function copyLinks(serials: readonly string[], from: string, to: string): Promise<void> {
  await Deno.mkdir(`${to}/${DISKS}`, { recursive: true, mode: 0o700 });
  for (const serial of serials) {
    await Deno.symlink(await Deno.readLink(`${from}/${DISKS}/${serial}`), `${to}/${DISKS}/${serial}`);
  }
}

async function readConfig(directory: string): Promise<FullVmConfig> {
  const path = `${directory}/${FILES.config}`;
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (cause) {
    throw new KuasarError("NOT_FOUND", `Cannot restore a sandbox: ${directory} holds no snapshot`, { cause });
  }
  try {
    const config: unknown = JSON.parse(text);
    if (typeof config === "object" && config !== null) return config as FullVmConfig;
  } catch {
    // Told below.
  }
  throw new KuasarError("DATA_LOSS", `Cannot restore a sandbox: ${path} is no object`);
}
