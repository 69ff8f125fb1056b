import { KuasarError } from "../../lib/errors/mod.ts";
import { type Handlers } from "../../lib/grpc/mod.ts";
import {
  type Share,
  ShareKind,
  type StorageDefinition,
} from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { prepareContainer, releaseContainer } from "./container.ts";
import { type Environment } from "./environment.ts";
import { SHARE_TAG, STATE_DIR } from "./guest_paths.ts";
import { KeyedLock } from "../../lib/concurrency/mod.ts";
import { type SandboxPaths } from "./paths.ts";
import { createShare, removeShare } from "./share.ts";
import { type ShareKindName } from "./state.ts";
import { waitShare } from "./wait_share.ts";

const KINDS = new Map<ShareKind, ShareKindName>([
  [ShareKind.VIRTIOFS, "virtiofs"],
  [ShareKind.NINEP, "9p"],
  [ShareKind.BLOCK, "block"],
]);

/**
 * The RPCs of `kuasar.storage.v1.Storage`. Calls for one sandbox run one after the other, those for different
 * sandboxes side by side.
 */
export function storageHandlers(environment: Environment): Handlers<typeof StorageDefinition> {
  const lock = new KeyedLock();
  return {
    createShare: ({ sandboxId, kind, cgroups, oomScoreAdj }) =>
      lock.run(sandboxId, async () => {
        const name = KINDS.get(kind);
        if (name === undefined) {
          throw new KuasarError("INVALID_ARGUMENT", `Cannot share with ${sandboxId}: unknown kind ${kind}`);
        }
        return shareMessage(await createShare(environment, sandboxId, name, { cgroups, oomScoreAdj }), kind);
      }),
    // Not behind the lock: it may take as long as the sandbox lives.
    waitShare: ({ sandboxId }, { cancelled }) => waitShare(environment, sandboxId, cancelled),
    removeShare: ({ sandboxId }) =>
      lock.run(sandboxId, async () => {
        await removeShare(environment, sandboxId);
        return {};
      }),
    prepareContainer: (request) => lock.run(request.sandboxId, () => prepareContainer(environment, request)),
    releaseContainer: ({ sandboxId, containerId }) =>
      lock.run(sandboxId, async () => {
        await releaseContainer(environment, sandboxId, containerId);
        return {};
      }),
    list: async () => ({ sandboxIds: environment.state.shares.ids() }),
  };
}

function shareMessage(paths: SandboxPaths, kind: ShareKind): Share {
  return {
    kind,
    tag: SHARE_TAG,
    hostDir: paths.shared,
    socketPath: kind === ShareKind.VIRTIOFS ? paths.socket : "",
    guestDir: STATE_DIR,
  };
}
