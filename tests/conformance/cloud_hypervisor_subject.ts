import type { DriverUnderTest } from "../../drivers/contract/conformance/mod.ts";
import { root } from "../root.ts";
import { programUnderTest } from "../standins/mod.ts";
import { cloudHypervisorConfig } from "./cloud_hypervisor_config.ts";
import { ping, powerOff } from "./guest_calls.ts";
import type { GuestFiles } from "./qemu_config.ts";
import { endShares, startShare } from "./virtiofs_share.ts";

/**
 * The Cloud Hypervisor driver of this checkout with a guest of ours, under the real program where it can run, or
 * else a stand-in.
 */
export function cloudHypervisorSubject(guest: GuestFiles): DriverUnderTest {
  return {
    name: "cloud-hypervisor",
    directory: "driver-clh",
    async command(runDir, fault) {
      const garbage = `${runDir}/garbage`;
      await Deno.writeTextFile(garbage, "neither a kernel nor an initrd\n".repeat(1000));
      const { path: program } = (await programUnderTest("cloud-hypervisor"))!;
      const config = `${runDir}/clh.toml`;
      await Deno.writeTextFile(config, cloudHypervisorConfig(guest, program, fault, garbage));
      const main = `${root}/drivers/cloud_hypervisor/main.ts`;
      const flags = ["--run-dir", runDir, "--config", config, "--log-level", "error"];
      return [Deno.execPath(), "run", "--allow-all", "--no-check", "--quiet", main, ...flags];
    },
    // A daemon for each start: virtiofsd serves one VM.
    share: startShare,
    endShares,
    powerOff,
    ping,
  };
}
