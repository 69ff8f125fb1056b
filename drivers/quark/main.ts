/**
 * kuasar-driver-quark: pods in Quark's virtual machines, all of a node in one process. Serves `kuasar.driver.v1.Driver` on
 * `<run-dir>/driver-quark.sock`.
 */
import { runService } from "../../lib/service/mod.ts";
import { serveHostDriver } from "../contract/host/run.ts";
import { loadQuarkDriverConfig } from "./config.ts";
import { QuarkKind } from "./kind.ts";
import { quarkVersion } from "./version.ts";

if (import.meta.main) {
  await runService({
    name: "kuasar-driver-quark",
    summary: "runs the pods of a node in Quark's virtual machines",
    examples: [{
      command: "kuasar-driver-quark --config /var/lib/kuasar/config_quark.toml",
      does: "Serve with the shipped configuration",
    }],
    run: async (context) => {
      const config = loadQuarkDriverConfig(context.configFile);
      const program = await quarkVersion(config.quarkPath);
      await serveHostDriver(context, new QuarkKind(config, program, `${context.runDir}/quark`));
    },
  });
}
