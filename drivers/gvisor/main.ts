/**
 * kuasar-driver-gvisor: pods under gVisor's kernel, all of a node in one process. Serves `kuasar.driver.v1.Driver` on
 * `<run-dir>/driver-gvisor.sock`.
 */
import { runService } from "../../lib/service/mod.ts";
import { serveHostDriver } from "../contract/host/run.ts";
import { hostAccelFacts } from "../contract/vm/accel.ts";
import { loadGvisorConfig } from "./config.ts";
import { GvisorKind } from "./kind.ts";
import { choosePlatform } from "./platform.ts";
import { runscVersion } from "./version.ts";

if (import.meta.main) {
  await runService({
    name: "kuasar-driver-gvisor",
    summary: "runs the pods of a node under gVisor's kernel",
    examples: [{
      command: "kuasar-driver-gvisor --config /var/lib/kuasar/config_gvisor.toml",
      does: "Serve with the shipped configuration",
    }],
    run: async (context) => {
      const config = loadGvisorConfig(context.configFile);
      const { platform, notes } = choosePlatform(config.platform, hostAccelFacts());
      const program = await runscVersion(config.runtimePath);
      const allNotes = [...notes, ...program.notes];
      const root = `${context.runDir}/runsc`;
      const kind = new GvisorKind({ ...config, platform }, program.version, root, allNotes);
      await serveHostDriver(context, kind);
    },
  });
}
