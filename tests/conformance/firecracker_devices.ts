import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { FirecrackerApi } from "../../drivers/firecracker/api.ts";
import { type DriverUnderTest, testsOf } from "../../drivers/contract/conformance/mod.ts";
import { eventually } from "../../drivers/contract/conformance/driver_process.ts";
import { grpcClient } from "../../lib/grpc/mod.ts";
import { MachineDefinition } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { PodNetns } from "./pod_netns.ts";

const SANDBOX = { sandboxId: "s1" };

/** What Firecracker has beyond the contract: NICs by name, places for disks, its own confinement. */
export function firecrackerDeviceTests(driver: DriverUnderTest): void {
  const test = testsOf(driver);

  test("taps of the pod's namespace reach the guest as NICs", "none", async (process) => {
    const pod = new PodNetns();
    try {
      pod.addTap("tap0", 1);
      pod.addTap("tap1", 1);
      pod.addTap("many", 2);
      const nic = (tap: string, queues = 1) => ({
        tap,
        netnsPath: pod.path,
        mac: `02:00:00:00:00:0${tap.at(-1) === "0" ? 1 : 2}`,
        mtu: 1450,
        queues,
        link: "eth0",
      });
      await process.start("s0");
      await process.client.remove({ sandboxId: "s0" });
      const before = process.openFiles();
      const nics = [nic("tap0"), nic("tap1")];
      const { pid, guest } = await process.start("s1", { nics, vcpus: 2, netnsPath: pod.path });
      await driver.ping(guest!);
      const taps = [...Deno.readDirSync(`/proc/${pid}/fd`)]
        .filter(({ name }) => Deno.readLinkSync(`/proc/${pid}/fd/${name}`) === "/dev/net/tun");
      strictEqual(taps.length, 2);
      await process.client.remove(SANDBOX);
      await process.assertOpenFiles(before);

      await rejects(process.start("s1", { nics: [nic("tap0", 2)] }), { code: "INVALID_ARGUMENT" });
      // The network service has made it otherwise than it was asked to.
      await rejects(process.start("s1", { nics: [nic("many")] }), { code: "ABORTED" });
      await rejects(process.start("s1", { nics: [{ ...nic("tap0"), netnsPath: "/run/nothing" }] }), {
        code: "NOT_FOUND",
      });
    } finally {
      pod.close();
    }
  });

  test(
    "the VMM runs in a session of its own, in a namespace without links, confined",
    "none",
    async (process) => {
      const { pid } = await process.start("s1");
      ok(Deno.readLinkSync(`/proc/${pid}/ns/net`) !== Deno.readLinkSync("/proc/self/ns/net"));
      ok(!Deno.readTextFileSync(`/proc/${pid}/cmdline`).split("\0").includes("--no-seccomp"));
      const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
      strictEqual(Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[3]), pid);
      await process.client.remove(SANDBOX);
    },
  );

  test("places are taken, given back and told, until none is left", "none", async (process) => {
    const { client } = process;
    const disk = `${process.runDir}/disk.img`;
    await Deno.writeFile(disk, new Uint8Array(1 << 20));
    await process.start("s1");
    const attach = async (serial: string, readOnly = true) =>
      (await client.attachBlock({ ...SANDBOX, device: { hostPath: disk, serial, readOnly } })).guestSource;
    // The configuration's defaults: twelve places for disks to be read, two for others.
    const sources = [];
    for (let i = 0; i < 12; i++) sources.push(await attach(`r${i}`));
    deepStrictEqual(sources.slice(0, 2), ["place:vda:2048", "place:vdb:2048"]);
    strictEqual(new Set(sources).size, 12);
    strictEqual(await attach("r3"), sources[3], "one that is there already");
    await rejects(attach("r12"), { code: "RESOURCE_EXHAUSTED" });
    strictEqual(await attach("w0", false), "place:vdm:2048");
    await client.detachBlock({ ...SANDBOX, serial: "r4" });
    strictEqual(await attach("r12"), sources[4]);
    await client.remove(SANDBOX);
  });

  test("the guest goes on printing while no driver runs, and is read again", "none", async (process) => {
    const { client } = process;
    await process.start("s1", { kernelParams: ["loglevel=6"] });
    const { consolePath } = await client.status(SANDBOX);
    const disk = `${process.runDir}/disk.img`;
    const plug = (serial: string) =>
      client.attachBlock({ ...SANDBOX, device: { hostPath: disk, serial, readOnly: true } });
    const printed = (sectors: number) => () =>
      Deno.readTextFileSync(consolePath).includes(`new size: ${sectors} 512-byte`);
    await Deno.writeFile(disk, new Uint8Array(7 * 512));
    await plug("a");
    await eventually(printed(7), true, 20_000);
    await process.kill();
    await process.launch("none");
    await Deno.writeFile(disk, new Uint8Array(9 * 512));
    await plug("b");
    await eventually(printed(9), true, 20_000);
    await client.remove(SANDBOX);
  });

  test("a sandbox gives memory by its balloon, and does not grow", "none", async (process) => {
    await process.start("s1", { memoryMib: 256n });
    const machine = grpcClient(MachineDefinition, `${process.runDir}/driver-${driver.name}.sock`);
    try {
      for (const memoryMib of [192n, 256n]) {
        deepStrictEqual(await machine.resize({ ...SANDBOX, vcpus: 0, memoryMib }), { vcpus: 1, memoryMib });
      }
      for (const wanted of [{ vcpus: 2, memoryMib: 0n }, { vcpus: 0, memoryMib: 257n }]) {
        await rejects(machine.resize({ ...SANDBOX, ...wanted }), { code: "RESOURCE_EXHAUSTED" });
      }
    } finally {
      machine.close();
    }
    await process.client.remove(SANDBOX);
  });

  test("the API tells the drives and changes the balloon's size", "none", async (process) => {
    await process.start("s1");
    const api = new FirecrackerApi(`${process.driverDir}/s1/vm/api.sock`);
    try {
      strictEqual((await api.info()).state, "Running");
      const { drives } = await api.vmConfig();
      strictEqual(drives.length, 14);
      await api.resizeBalloon(16);
      await rejects(api.resizeBalloon(100_000), { code: "INTERNAL" });
      await rejects(api.setEntropy(), /not supported after starting the microVM/);
    } finally {
      api.close();
    }
    await process.client.remove(SANDBOX);
  });
}
