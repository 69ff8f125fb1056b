import { type GrpcServer, serveGrpc } from "../../../lib/grpc/mod.ts";
import { StorageDefinition } from "../../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import type { World } from "./world.ts";

/** Serves the storage service's contract on a world; each container gets two block devices. */
export function serveStandInStorage(runDir: string, world: World): Promise<GrpcServer> {
  return serveGrpc({
    address: `${runDir}/storage.sock`,
    services: [[StorageDefinition, {
      async createShare({ sandboxId, kind }) {
        await world.call("storage/createShare", sandboxId, () => void world.shares.add(sandboxId));
        const hostDir = `${runDir}/storage/${sandboxId}/shared`;
        return { kind, tag: "kuasar", hostDir, socketPath: "", guestDir: "/run/kuasar/state" };
      },
      waitShare: ({ sandboxId }) => world.shareEnd(sandboxId).promise,
      async removeShare({ sandboxId }) {
        await world.call("storage/removeShare", sandboxId, () => {
          world.shares.delete(sandboxId);
          for (const key of world.containers) {
            if (key.startsWith(`${sandboxId}/`)) world.containers.delete(key);
          }
        });
        return {};
      },
      async prepareContainer({ sandboxId, containerId }) {
        const key = `${sandboxId}/${containerId}`;
        await world.call("storage/prepareContainer", key, () => void world.containers.add(key));
        const blockDevices = ["a", "b"].map((disk) => ({
          hostPath: `/dev/${disk}`,
          serial: `${containerId}-${disk}`,
          readOnly: disk === "b",
        }));
        return { guestBundle: `/run/kuasar/state/${containerId}`, mounts: [], blockDevices, returned: [] };
      },
      async releaseContainer({ sandboxId, containerId }) {
        const key = `${sandboxId}/${containerId}`;
        await world.call("storage/releaseContainer", key, () => void world.containers.delete(key));
        return {};
      },
      list: () => Promise.resolve({ sandboxIds: [...world.shares] }),
    }]],
  });
}
