/**
 * kuasar-driver-cloud-hypervisor: microVMs under Cloud Hypervisor, all of a node in one process. Serves
 * `kuasar.driver.v1.Driver` on `<run-dir>/driver-cloud-hypervisor.sock`.
 */
import { runService } from "../../lib/service/mod.ts";
import { hostAccelFacts } from "../contract/vm/accel.ts";
import { serveVmDriver } from "../contract/vm/run.ts";
import { loadCloudHypervisorConfig } from "./config.ts";
import { CloudHypervisor } from "./hypervisor.ts";
import { cloudHypervisorBuild } from "./version.ts";

/** Short: with `driver-cloud-hypervisor` the sockets of a sandbox with a long id would not fit. */
const DIRECTORY = "driver-clh";

if (import.meta.main) {
  await runService({
    name: "kuasar-driver-cloud-hypervisor",
    summary: "runs the microVMs of a node under Cloud Hypervisor",
    examples: [{
      command: "kuasar-driver-cloud-hypervisor --config /var/lib/kuasar/config_clh.toml",
      does: "Serve with the shipped configuration",
    }],
    run: async (context) => {
      const config = loadCloudHypervisorConfig(context.configFile);
      const program = await cloudHypervisorBuild(config.path);
      await serveVmDriver(context, new CloudHypervisor(config, program, hostAccelFacts()), DIRECTORY);
    },
  });
}
