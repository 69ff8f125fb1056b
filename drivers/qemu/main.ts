/**
 * kuasar-driver-qemu: microVMs under QEMU, all of a node in one process. Serves `kuasar.driver.v1.Driver` on
 * `<run-dir>/driver-qemu.sock`.
 */
import { runService } from "../../lib/service/mod.ts";
import { chooseAccel, hostAccelFacts } from "../contract/vm/accel.ts";
import { hasKernelVsock } from "../contract/vm/cid.ts";
import { serveVmDriver } from "../contract/vm/run.ts";
import { loadQemuConfig } from "./config.ts";
import { QemuHypervisor } from "./hypervisor.ts";
import { qemuVersion } from "./version.ts";

if (import.meta.main) {
  await runService({
    name: "kuasar-driver-qemu",
    summary: "runs the microVMs of a node under QEMU",
    examples: [{
      command: "kuasar-driver-qemu --config /var/lib/kuasar/config_qemu_x86_64.toml",
      does: "Serve with the shipped configuration",
    }],
    run: async (context) => {
      const config = loadQemuConfig(context.configFile);
      const accel = chooseAccel(config.accel, hostAccelFacts());
      const program = await qemuVersion(config.qemuPath);
      await serveVmDriver(context, new QemuHypervisor(config, accel, program, hasKernelVsock()));
    },
  });
}
