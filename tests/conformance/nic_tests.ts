import { rejects, strictEqual } from "node:assert/strict";
import { type DriverUnderTest, testsOf } from "../../drivers/contract/conformance/mod.ts";
import { PodNetns } from "./pod_netns.ts";

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
      const taps = [...Deno.readDirSync(`/proc/${pid}/fd`)]
        .filter(({ name }) => Deno.readLinkSync(`/proc/${pid}/fd/${name}`) === "/dev/net/tun");
      strictEqual(taps.length, 1 + queues);
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
