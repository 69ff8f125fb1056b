/**
 * kuasar-driver-wasm: pods whose containers are Wasm modules, all of a node in one process. Serves
 * `kuasar.driver.v1.Driver` on `<run-dir>/driver-wasm.sock`.
 */
import { runService } from "../../lib/service/mod.ts";
import { serveHostDriver } from "../contract/host/run.ts";
import { runtimeVersion } from "../contract/host/runtime_version.ts";
import { loadWasmConfig } from "./config.ts";
import { WasmKind } from "./kind.ts";

if (import.meta.main) {
  await runService({
    name: "kuasar-driver-wasm",
    summary: "runs the Wasm modules of a node",
    examples: [{
      command: "kuasar-driver-wasm --config /var/lib/kuasar/config_wasm.toml",
      does: "Serve with the shipped configuration",
    }],
    run: async (context) => {
      const config = loadWasmConfig(context.configFile);
      const driverDir = `${context.runDir}/driver-wasm`;
      const runtime = await runtimeVersion(config.runtimePath);
      const options = { config, driverDir, runtime, log: context.log };
      await serveHostDriver(
        context,
        context.report ? await WasmKind.look(options) : await WasmKind.load(options),
      );
    },
  });
}
