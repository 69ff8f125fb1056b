import { type GrpcServer, serveGrpc } from "../../../lib/grpc/mod.ts";
import { NetworkDefinition } from "../../../lib/proto/gen/kuasar/network/v1/network.ts";
import type { World } from "./world.ts";

/** Serves the network service's contract on a world. */
export function serveStandInNetwork(runDir: string, world: World): Promise<GrpcServer> {
  return serveGrpc({
    address: `${runDir}/network.sock`,
    services: [[NetworkDefinition, {
      async attach(request) {
        const id = request.sandboxId;
        await world.call("network/attach", id, () => void world.networks.add(id));
        const tap = { tap: "tap0", mac: "02:00:00:00:00:01", mtu: 1500, link: "eth0" };
        return {
          nics: request.netnsPath ? [{ ...tap, netnsPath: request.netnsPath, queues: request.queues }] : [],
          interfaces: [],
          routes: [],
          neighbors: [],
          rules: [],
          sysctls: {},
          files: [{ name: "hostname", content: new TextEncoder().encode(request.hostname) }],
        };
      },
      async detach({ sandboxId }) {
        await world.call("network/detach", sandboxId, () => void world.networks.delete(sandboxId));
        return {};
      },
      list: () => Promise.resolve({ sandboxIds: [...world.networks] }),
    }]],
  });
}
