import { exists } from "../../lib/files/mod.ts";
import { type Leftover, runCleanup } from "../../lib/cleanup/mod.ts";
import { isAlive } from "../../lib/process/mod.ts";
import { releaseContainer } from "./container.ts";
import { type Environment } from "./environment.ts";
import { isId } from "../../lib/oci/mod.ts";
import { sandboxPaths, storageDir } from "./paths.ts";
import { isShareMounted, removeShare } from "./share.ts";
import { adoptVirtiofsd, watchVirtiofsd } from "./virtiofsd.ts";

/** What recovery found and did, in numbers for the log. */
export interface Recovery {
  adopted: number;
  /** Shares and containers that were half made or half removed, or unknown to the state. */
  undone: number;
  leftovers: Leftover[];
}

/**
 * Compares the state with the world, before anything is served: complete shares are adopted with their daemons,
 * everything else is undone. What fails here stays in the state and is tried again at the next call or start.
 */
export async function recover(environment: Environment): Promise<Recovery> {
  const { state, runDir } = environment;
  const result: Recovery = { adopted: 0, undone: 0, leftovers: [] };
  const undo = async (name: string, run: () => Promise<void>): Promise<void> => {
    result.undone++;
    result.leftovers.push(...await runCleanup([{ name, run }]));
  };
  for (const sandboxId of new Set([...state.shares.ids(), ...directories(storageDir(runDir))])) {
    const record = state.shares.get(sandboxId);
    const paths = sandboxPaths(runDir, sandboxId);
    if (record?.state !== "ready" || !isShareMounted(paths)) {
      await undo(`remove the share of ${sandboxId}`, () => removeShare(environment, sandboxId));
      continue;
    }
    result.adopted++;
    adoptDaemon(environment, sandboxId);
    for (const containerId of new Set([...state.containerIds(sandboxId), ...directories(paths.tree)])) {
      if (state.container(sandboxId, containerId)?.state === "ready") continue;
      const release = () => releaseContainer(environment, sandboxId, containerId);
      await undo(`release container ${containerId}`, release);
    }
  }
  environment.images.recover(new Set(state.shares.ids()));
  return result;
}

function adoptDaemon(environment: Environment, sandboxId: string): void {
  const { state, log, runDir } = environment;
  const record = state.shares.get(sandboxId);
  if (record?.kind !== "virtiofs") return;
  const { log: logFile } = sandboxPaths(runDir, sandboxId);
  if (record.daemon && isAlive(record.daemon)) {
    watchVirtiofsd(environment, sandboxId, adoptVirtiofsd(environment, record.daemon), logFile);
  } else log.info("virtiofsd has ended meanwhile", { sandbox: sandboxId, pid: record.daemon?.pid });
}

function directories(dir: string): string[] {
  if (!exists(dir)) return [];
  return Array.from(Deno.readDirSync(dir))
    // What has no name of ours (lost+found) is not ours to remove.
    .filter(({ name, isDirectory }) => isDirectory && isId(name))
    .map(({ name }) => name);
}
