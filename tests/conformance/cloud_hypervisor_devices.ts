import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { CloudHypervisorApi } from "../../drivers/cloud_hypervisor/api.ts";
import { type DriverUnderTest, testsOf } from "../../drivers/contract/conformance/mod.ts";
import { ROOM } from "./size_tests.ts";

/** What Cloud Hypervisor has beyond the contract: its own confinement, counters. */
export function cloudHypervisorDeviceTests(driver: DriverUnderTest): void {
  const test = testsOf(driver);

  test(
    "the VMM runs in a session of its own, in a namespace without links, under seccomp",
    "none",
    async (process) => {
      const { pid } = await process.start("s1");
      ok(Deno.readLinkSync(`/proc/${pid}/ns/net`) !== Deno.readLinkSync("/proc/self/ns/net"));
      const args = Deno.readTextFileSync(`/proc/${pid}/cmdline`).split("\0");
      strictEqual(args[args.indexOf("--seccomp") + 1], "true");
      const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
      strictEqual(Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[3]), pid);
      await process.client.remove({ sandboxId: "s1" });
    },
  );

  test("the API tells the devices, their counters and the balloon's size", "none", async (process) => {
    await process.start("s1");
    const disk = `${process.runDir}/disk.img`;
    await Deno.writeFile(disk, new Uint8Array(1 << 20));
    const device = { hostPath: disk, serial: "d1", readOnly: true };
    await process.client.attachBlock({ sandboxId: "s1", device });
    const api = new CloudHypervisorApi(`${process.driverDir}/s1/vm/api.sock`);
    try {
      const { config, device_tree } = await api.info();
      deepStrictEqual(config.disks?.map(({ id, serial }) => ({ id, serial })), [{
        id: "disk-d1",
        serial: "d1",
      }]);
      ok(device_tree && Object.hasOwn(device_tree, "disk-d1"));
      ok(Object.hasOwn(await api.counters(), "disk-d1"));
      await api.resize({ desired_balloon: 64 << 20 });
    } finally {
      api.close();
    }
    await process.client.remove({ sandboxId: "s1" });
  });
}

/** @param driver with room for more vCPUs */
export function cloudHypervisorVcpuTests(driver: DriverUnderTest): void {
  testsOf(driver)("no vCPU comes while another one is leaving", "none", async (process) => {
    await process.start("s1", { vcpus: 1 });
    const api = new CloudHypervisorApi(`${process.driverDir}/s1/vm/api.sock`);
    try {
      await api.resize({ desired_vcpus: 2 });
      // The guest stands still, so that the vCPU cannot leave.
      await process.client.pause({ sandboxId: "s1" });
      await api.resize({ desired_vcpus: 1 });
      // As many as there are is no change.
      await api.resize({ desired_vcpus: 2 });
      await rejects(api.resize({ desired_vcpus: ROOM.vcpus }), /answers 429/);
      await process.client.resume({ sandboxId: "s1" });
    } finally {
      api.close();
    }
    await process.client.remove({ sandboxId: "s1" });
  });
}
