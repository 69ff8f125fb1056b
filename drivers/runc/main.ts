/**
 * kuasar-driver-runc: pods of plain namespaces, all of a node in one process. Serves `kuasar.driver.v1.Driver` on
 * `<run-dir>/driver-runc.sock`.
 */
import { runService } from "../../lib/service/mod.ts";
import { serveHostDriver } from "../contract/host/run.ts";
import { loadRuncConfig } from "./config.ts";
import { RuncKind } from "./kind.ts";
import { runtimeVersion } from "../contract/host/runtime_version.ts";

if (import.meta.main) {
  await runService({
    name: "kuasar-driver-runc",
    summary: "runs the pods of a node in plain namespaces",
    examples: [{
      command: "kuasar-driver-runc --config /var/lib/kuasar/config_runc.toml",
      does: "Serve with the shipped configuration",
    }],
    run: async (context) => {
      const config = loadRuncConfig(context.configFile);
      await serveHostDriver(context, new RuncKind(config, await runtimeVersion(config.runtimePath)));
    },
  });
}
