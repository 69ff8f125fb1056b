/**
 * kuasar-driver-stratovirt: microVMs under StratoVirt, all of a node in one process. Serves `kuasar.driver.v1.Driver`
 * on `<run-dir>/driver-stratovirt.sock`.
 */
import { runService } from "../../lib/service/mod.ts";
import { hostAccelFacts } from "../contract/vm/accel.ts";
import { serveVmDriver } from "../contract/vm/run.ts";
import { loadStratoVirtConfig } from "./config.ts";
import { StratoVirt } from "./hypervisor.ts";
import { stratoVirtVersion } from "./version.ts";

/** Short: with `driver-stratovirt` the sockets of a sandbox with a long id would not fit. */
const DIRECTORY = "driver-sv";

if (import.meta.main) {
  await runService({
    name: "kuasar-driver-stratovirt",
    summary: "runs the microVMs of a node under StratoVirt",
    examples: [{
      command: "kuasar-driver-stratovirt --config /var/lib/kuasar/config_stratovirt_x86_64.toml",
      does: "Serve with the shipped configuration",
    }],
    run: async (context) => {
      const config = loadStratoVirtConfig(context.configFile);
      const program = await stratoVirtVersion(config.path);
      await serveVmDriver(context, new StratoVirt(config, program, hostAccelFacts()), DIRECTORY);
    },
  });
}
