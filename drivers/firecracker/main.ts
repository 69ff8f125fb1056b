/**
 * kuasar-driver-firecracker: microVMs under Firecracker, all of a node in one process. Serves `kuasar.driver.v1.Driver` on
 * `<run-dir>/driver-firecracker.sock`.
 */
import { runService } from "../../lib/service/mod.ts";
import { hostAccelFacts } from "../contract/vm/accel.ts";
import { serveVmDriver } from "../contract/vm/run.ts";
import { loadFirecrackerConfig } from "./config.ts";
import { Firecracker } from "./hypervisor.ts";
import { firecrackerBuild } from "./version.ts";

/** Short: with `driver-firecracker` the sockets of a sandbox with a long id would not fit. */
const DIRECTORY = "driver-fc";

if (import.meta.main) {
  await runService({
    name: "kuasar-driver-firecracker",
    summary: "runs the microVMs of a node under Firecracker",
    examples: [{
      command: "kuasar-driver-firecracker --config /var/lib/kuasar/config_firecracker_x86_64.toml",
      does: "Serve with the shipped configuration",
    }],
    run: async (context) => {
      const config = loadFirecrackerConfig(context.configFile);
      const program = await firecrackerBuild(config.path);
      await serveVmDriver(context, new Firecracker(config, program, hostAccelFacts()), DIRECTORY);
    },
  });
}
