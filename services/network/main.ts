import { serveGrpc } from "../../lib/grpc/mod.ts";
import { NetworkDefinition } from "../../lib/proto/gen/kuasar/network/v1/network.ts";
import { NOTHING_TO_SAY, runService } from "../../lib/service/mod.ts";
import { recover } from "./recover.ts";
import { networkService } from "./service.ts";
import { openState } from "./state.ts";

if (import.meta.main) {
  await runService({
    name: "kuasar-network",
    summary: "joins the network namespaces of pods with the NICs of their guests",
    examples: [{
      command: "kuasar-network --run-dir /run/kuasar",
      does: "serve on /run/kuasar/network.sock",
    }],
    run: async ({ runDir, log, onStop, report }) => {
      if (report) return report(NOTHING_TO_SAY);
      const state = openState(`${runDir}/network/state.db`);
      onStop("close the state", () => state.store.close());
      await recover(state, log);
      const server = await serveGrpc({
        address: `${runDir}/network.sock`,
        fdName: "network",
        services: [[NetworkDefinition, networkService(state, log)]],
      });
      onStop("stop serving", () => server.close());
    },
  });
}
