import { driverDeployment } from "../../deploy/drivers.ts";
import { nodePrograms } from "../../deploy/programs.ts";
import type { DriverCommand } from "../../drivers/contract/conformance/mod.ts";
import { buildDir } from "../../lib/build/mod.ts";
import { root } from "../root.ts";

/**
 * A driver without VMs of this checkout, as its deployment configures it.
 *
 * @param runtime the key of the tool without which no sandbox of it starts
 * @param own tools that are not the host's: a stand-in
 */
export function hostDriver(
  name: string,
  runtime: string,
  own: Readonly<Record<string, string>> = {},
): DriverCommand {
  const { folder, configuration } = driverDeployment(name);
  return {
    name,
    async command(runDir, fault) {
      const { tools, agent, kernel, bzImage, initrd, image } = nodePrograms();
      const missing = fault === "missing-vmm" ? { [runtime]: `${runDir}/missing` } : {};
      const config = `${runDir}/driver.toml`;
      const cacheDir = `${buildDir}/cache`;
      const all = { agent, kernel, bzImage, initrd, image, memoryMib: 256, cacheDir };
      await Deno.writeTextFile(config, configuration({ ...all, tools: { ...tools, ...own, ...missing } }));
      const flags = ["--run-dir", runDir, "--config", config, "--log-level", "error"];
      const main = `${root}/drivers/${folder}/main.ts`;
      return [Deno.execPath(), "run", "--allow-all", "--no-check", "--quiet", main, ...flags];
    },
  };
}
