/**
 * kuasar-driver-qemu: microVMs under QEMU, all of a node in one process. Serves `kuasar.driver.v1.Driver` on
 * `<run-dir>/driver-qemu.sock`.
 */
import { serveGrpc } from "../../lib/grpc/mod.ts";
import { exitWatcher } from "../../lib/process/mod.ts";
import { DriverDefinition } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { runService } from "../../lib/service/mod.ts";
import { openStore } from "../../lib/store/mod.ts";
import { EmptyNetns } from "../contract/empty_netns.ts";
import { KernelVsockReadiness } from "../contract/readiness.ts";
import { chooseAccel, hostAccelFacts } from "./accel.ts";
import { adoptMachines } from "./adopt.ts";
import { loadQemuConfig } from "./config.ts";
import type { Host } from "./host.ts";
import type { MachineRecord } from "./machine.ts";
import { QemuDriver } from "./service.ts";
import { hasKernelVsock } from "./cid.ts";
import { qemuVersion } from "./version.ts";

/** Calls under way may end within this time when the process is asked to stop; VMs go on in any case. */
const CLOSE_GRACE_MS = 2_000;

if (import.meta.main) {
  await runService({
    name: "kuasar-driver-qemu",
    summary: "runs the microVMs of a node under QEMU",
    examples: [{
      command: "kuasar-driver-qemu --config /var/lib/kuasar/config_qemu_x86_64.toml",
      does: "Serve with the shipped configuration",
    }],
    run: async ({ runDir, configFile, log, onStop }) => {
      const config = loadQemuConfig(configFile);
      const accel = chooseAccel(config.accel, hostAccelFacts());
      for (const note of [...accel.notes, ...config.notes]) log.warn(note);
      const driverDir = `${runDir}/driver-qemu`;
      const store = openStore(`${driverDir}/state.db`, []);
      onStop("close the state", () => store.close());
      const host: Host = {
        config,
        accel,
        driverDir,
        records: store.table<MachineRecord>("machines"),
        log,
        netns: new EmptyNetns(),
        watcher: exitWatcher(),
        kernelReadiness: new KernelVsockReadiness(),
        kernelVsock: config.vsock === "kernel" || (config.vsock === "auto" && hasKernelVsock()),
      };
      const driver = new QemuDriver(host, await qemuVersion(config.qemuPath), await adoptMachines(host));
      const server = await serveGrpc({
        address: `${runDir}/driver-qemu.sock`,
        fdName: "driver-qemu",
        services: [[DriverDefinition, driver.handlers()]],
      });
      onStop("stop serving", () => server.close(CLOSE_GRACE_MS));
    },
  });
}
