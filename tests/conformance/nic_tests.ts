import { deepStrictEqual, ok, rejects } from "node:assert/strict";
import { type DriverUnderTest, testsOf } from "../../drivers/contract/conformance/mod.ts";
import { PodNetns, tapsOf } from "./pod_netns.ts";

/**
 * NICs of a pod's network namespace, for drivers that take tap queues by their descriptors.
 *
 * @param queues how many of a tap's two queues the VMM takes
 */
export function nicTests(driver: DriverUnderTest, queues: 1 | 2 = 2): void {
  const test = testsOf(driver);

  test("taps of the pod's namespace reach the guest as NICs", "none", async (process) => {
    const pod = new PodNetns();
    try {
      pod.addTap("tap0", 1);
      pod.addTap("tap1", 2);
      const nic = (tap: string, queues: number) => ({
        tap,
        netnsPath: pod.path,
        mac: `02:00:00:00:00:0${queues}`,
        mtu: 1450,
        queues,
        link: "eth0",
      });
      await process.start("s0");
      await process.client.remove({ sandboxId: "s0" });
      const before = process.openFiles();
      const nics = [nic("tap0", 1), nic("tap1", 2)];
      const { pid, guest } = await process.start("s1", { nics, vcpus: 2, netnsPath: pod.path });
      await driver.ping(guest!);
      const taps = tapsOf(pid);
      deepStrictEqual([...new Set(taps)].sort(), ["tap0", "tap1"]);
      // A VMM may hold a queue more than once.
      ok(taps.length >= 1 + queues, String(taps));
      await process.client.remove({ sandboxId: "s1" });
      await process.assertOpenFiles(before);

      await rejects(process.start("s1", { nics: [nic("nothing", 1)] }), { code: "NOT_FOUND" });
      await rejects(process.start("s1", { nics: [{ ...nic("tap0", 1), netnsPath: "/run/nothing" }] }), {
        code: "NOT_FOUND",
      });
    } finally {
      pod.close();
    }
  });
}
