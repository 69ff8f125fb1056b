import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { type DriverUnderTest, testsOf } from "../../drivers/contract/conformance/mod.ts";
import type { Device } from "../../drivers/contract/vm/devices.ts";
import { message } from "../../lib/cri/mod.ts";
import { grpcClient } from "../../lib/grpc/mod.ts";
import { Interface, IPAddress, IPFamily } from "../../lib/proto/gen/grpc/sandbox.ts";
import { MachineDefinition } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { ShareKind } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { setInterfaces, shell } from "./guest_calls.ts";
import { eventually } from "../../drivers/contract/conformance/driver_process.ts";
import { PodNetns, tapsOf } from "./pod_netns.ts";
import { WITHOUT_SHARE } from "./snapshot_tests.ts";
import { startShare } from "./virtiofs_share.ts";

const sandboxId = "s1";
const MAC = "02:00:00:00:00:99";
const OPTIONS = { timeoutMs: 60_000 };

const clientOf = (driver: DriverUnderTest, runDir: string) =>
  grpcClient(MachineDefinition, `${runDir}/driver-${driver.name}.sock`);

/** What a driver's VMM takes. */
export interface Plugging {
  /** Taps of any network namespace, and shares whatever its memory was at the start. */
  anything?: boolean;
  /** It does not tell where the guest finds a device. */
  silent?: boolean;
}

/** NICs that come into running guests and leave them. */
export function nicPlugTests(
  driver: DriverUnderTest,
  { anything = false, silent = false }: Plugging = {},
): void {
  const test = testsOf(driver);

  test("a NIC that is plugged in carries packets, and leaves", "none", async (process) => {
    const pod = new PodNetns();
    const machine = clientOf(driver, process.runDir);
    try {
      pod.addTap("tap0", 1);
      pod.addTap("tap1", 1);
      pod.addAddress("tap1", "10.9.9.1/24");
      const nicOf = (tap: string, mac: string) => ({
        tap,
        netnsPath: pod.path,
        mac,
        mtu: 1500,
        queues: 1,
        link: "eth0",
      });
      const { guest, pid } = await process.start(sandboxId, {
        nics: [nicOf("tap0", "02:00:00:00:00:01")],
        netnsPath: pod.path,
      });
      const device: Device = { $case: "nic", value: nicOf("tap1", MAC) };
      const before = process.openFiles();
      // A VMM may hold a queue more than once.
      const taps = () => tapsOf(pid).length;
      const tapsBefore = taps();
      const links = () => shell(guest!, "cat /sys/class/net/*/address");
      for (let i = 0; i < 3; i++) {
        const answer = await machine.attachDevice({ sandboxId, id: "nic", device }, OPTIONS);
        match(answer.pciAddress, silent ? /^$/ : /^0000:[0-9a-f]{2}:[0-9a-f]{2}\.0$/);
        deepStrictEqual(await machine.attachDevice({ sandboxId, id: "nic", device }, OPTIONS), answer);
        const IPAddresses = [message(IPAddress, { family: IPFamily.v4, address: "10.9.9.2", mask: "24" })];
        await setInterfaces(guest!, [
          message(Interface, { name: "net1", IPAddresses, mtu: 1500n, hwAddr: MAC }),
        ]);
        match(await links(), new RegExp(MAC));
        await shell(guest!, "busybox ip route add 10.9.9.0/24 dev net1");
        match(await shell(guest!, "busybox ping -c 1 -W 10 10.9.9.1"), / 0% packet loss/);
        await machine.detachDevice({ sandboxId, id: "nic" }, OPTIONS);
        await machine.detachDevice({ sandboxId, id: "nic" }, OPTIONS);
        ok(!(await links()).includes(MAC));
      }
      await process.assertOpenFiles(before);
      await eventually(taps, tapsBefore);
      const elsewhere = new PodNetns();
      try {
        elsewhere.addTap("tap1", 1);
        const value = { ...nicOf("tap1", MAC), netnsPath: elsewhere.path };
        const attached = machine.attachDevice({ sandboxId, id: "other", device: { $case: "nic", value } });
        if (anything) {
          await attached;
          await machine.detachDevice({ sandboxId, id: "other" }, OPTIONS);
        } else await rejects(attached, { code: "FAILED_PRECONDITION" });
      } finally {
        elsewhere.close();
      }
      // It goes with the sandbox, whose tap is free again.
      await machine.attachDevice({ sandboxId, id: "nic", device }, OPTIONS);
      await process.client.remove({ sandboxId });
      await process.start(sandboxId, { nics: [device.value], netnsPath: pod.path });
      await process.client.remove({ sandboxId });
    } finally {
      machine.close();
      pod.close();
    }
  });
}

/** NICs and shares that come into running guests and leave them, for drivers that have both. */
export function plugTests(driver: DriverUnderTest, plugging: Plugging = {}): void {
  const test = testsOf(driver);
  const { anything = false } = plugging;
  const machineOf = ({ runDir }: { runDir: string }) => clientOf(driver, runDir);

  nicPlugTests(driver, plugging);

  test("a second share is read, and the next driver knows it", "none", async (process) => {
    const machine = machineOf(process);
    try {
      const { runDir } = process;
      const { guest } = await process.start(sandboxId);
      const share: Device = { $case: "share", value: { ...await startShare(runDir), tag: "second" } };
      await Deno.writeTextFile(`${runDir}/shared/hello`, "from the host");
      const answer = await machine.attachDevice({ sandboxId, id: "share", device: share }, OPTIONS);

      await process.kill();
      await process.launch("none");
      deepStrictEqual(
        await machine.attachDevice({ sandboxId, id: "share", device: share }, OPTIONS),
        answer,
      );
      const other: Device = { $case: "share", value: { ...share.value, tag: "other" } };
      await rejects(machine.attachDevice({ sandboxId, id: "share", device: other }), {
        code: "ALREADY_EXISTS",
      });

      // The guest looks at what has come a moment later.
      const mounted =
        "mkdir -p /tmp/second; i=0; until mount -t virtiofs second /tmp/second 2>/dev/null; do " +
        "i=$((i+1)); [ $i -lt 100 ] || exit 1; sleep 0.1; done; cat /tmp/second/hello";
      strictEqual(await shell(guest!, mounted), "from the host");
      await shell(guest!, "umount /tmp/second");

      // A guest that stands still keeps its device until it goes on.
      await process.client.pause({ sandboxId });
      await rejects(machine.detachDevice({ sandboxId, id: "share" }, OPTIONS), {
        code: "DEADLINE_EXCEEDED",
      });
      await process.client.resume({ sandboxId });
      for (const id of ["share", "share", "unknown"]) {
        await machine.detachDevice({ sandboxId, id }, OPTIONS);
      }
      await rejects(shell(guest!, "mount -t virtiofs second /tmp/second"));
      // Its id is free again; its daemon has ended with the connection.
      const again: Device = { $case: "share", value: { ...await startShare(runDir), tag: "third" } };
      await machine.attachDevice({ sandboxId, id: "share", device: again }, OPTIONS);
      const third = mounted.replace("virtiofs second", "virtiofs third");
      strictEqual(await shell(guest!, third), "from the host");
    } finally {
      machine.close();
    }
    await process.client.remove({ sandboxId });
  });

  test(
    "a device that cannot be plugged in is refused with the reason and not kept",
    "none",
    async (process) => {
      const machine = machineOf(process);
      try {
        await process.start(sandboxId, { share: WITHOUT_SHARE });
        const refused = async (device: Device | undefined, code: string) =>
          await rejects(machine.attachDevice({ sandboxId, id: "d", device }, OPTIONS), { code });
        await refused(undefined, "INVALID_ARGUMENT");
        await refused({ $case: "vfio", value: { pciAddress: "ffff:ff:1f.7" } }, "NOT_FOUND");
        await refused({ $case: "vfio", value: { pciAddress: "../../etc" } }, "INVALID_ARGUMENT");
        const odd = `${process.runDir}/odd.img`;
        await Deno.writeFile(odd, new Uint8Array(1000));
        await refused({ $case: "pmem", value: { hostPath: odd, discardWrites: false } }, "INVALID_ARGUMENT");
        // Without a share of its own the VM's memory is private.
        const value = { ...await startShare(process.runDir), tag: "second" };
        if (!anything) await refused({ $case: "share", value }, "FAILED_PRECONDITION");
        await rejects(machine.attachDevice({ sandboxId: "s2", id: "d", device: undefined }), {
          code: "NOT_FOUND",
        });
        await machine.detachDevice({ sandboxId: "s2", id: "d" });
      } finally {
        machine.close();
      }
      await process.client.remove({ sandboxId });
    },
  );
}

/**
 * Drivers without a kind of device say so.
 *
 * @param kinds that the driver does not have
 */
export function withoutPlugTests(driver: DriverUnderTest, kinds: readonly Device["$case"][]): void {
  testsOf(driver)("devices that the driver cannot plug in are refused as such", "none", async (process) => {
    const machine = clientOf(driver, process.runDir);
    const devices: Device[] = [
      { $case: "vfio", value: { pciAddress: "0000:00:01.0" } },
      { $case: "pmem", value: { hostPath: "/nonexistent", discardWrites: false } },
      { $case: "nic", value: { tap: "t", netnsPath: "/n", mac: MAC, mtu: 1500, queues: 1, link: "" } },
      { $case: "share", value: { ...WITHOUT_SHARE, kind: ShareKind.VIRTIOFS } },
    ];
    try {
      await process.start(sandboxId);
      for (const device of devices.filter(({ $case }) => kinds.includes($case))) {
        await rejects(machine.attachDevice({ sandboxId, id: "d", device }), { code: "UNIMPLEMENTED" });
      }
      await machine.detachDevice({ sandboxId, id: "d" });
    } finally {
      machine.close();
    }
    await process.client.remove({ sandboxId });
  });
}
