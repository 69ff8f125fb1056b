import type { Fault } from "../../drivers/contract/conformance/mod.ts";
import { root } from "../root.ts";
import { standInLauncher } from "../standins/mod.ts";
import { hypervisorConfig, type HypervisorKeys } from "./hypervisor_config.ts";
import type { TestGuest } from "./vm_guest.ts";

/**
 * Writes the configuration of a VM driver and tells the command line of its process.
 *
 * @param folder the driver's, below drivers/
 * @param program the key of the VMM's path among `own`
 */
export async function vmDriverCommand(
  folder: string,
  guest: TestGuest,
  own: HypervisorKeys,
  program: string,
  runDir: string,
  fault: Fault,
): Promise<string[]> {
  // A stand-in is a script.
  const standIn = program !== "qemu_path" && (await Deno.readTextFile(String(own[program]))).startsWith("#!");
  const launcher = standIn ? await standInLauncher() : guest.launcher;
  const garbage = `${runDir}/garbage`;
  await Deno.writeTextFile(garbage, "neither a kernel nor an initrd\n".repeat(1000));
  const config = `${runDir}/driver.toml`;
  await Deno.writeTextFile(config, hypervisorConfig({ ...guest, launcher }, own, program, fault, garbage));
  const flags = ["--run-dir", runDir, "--config", config, "--log-level", "error"];
  const main = `${root}/drivers/${folder}/main.ts`;
  return [Deno.execPath(), "run", "--allow-all", "--no-check", "--quiet", main, ...flags];
}
