import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { type DriverUnderTest, testsOf } from "../../drivers/contract/conformance/mod.ts";
import type { Device } from "../../drivers/contract/vm/devices.ts";
import { grpcClient } from "../../lib/grpc/mod.ts";
import { MachineDefinition } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { root } from "../root.ts";
import { shell } from "./guest_calls.ts";

const MIB = 1024 * 1024;
const sandboxId = "s1";
const OPTIONS = { timeoutMs: 60_000 };

/** The one pmem disk of the guest, when it has one. */
const DISK =
  "i=0; while ! [ -b /dev/pmem* ] && [ $i -lt 100 ]; do i=$((i+1)); sleep 0.1; done; echo /dev/pmem*";
/** The guest's driver lets go of the device. The real VMM's guest does so when it is told; a stand-in waits for this. */
const LET_GO =
  "cd /sys/bus/virtio/drivers/virtio_pmem; for d in virtio*; do [ ! -e $d ] || echo $d > unbind; done";

/**
 * Files that are persistent memory of running guests.
 *
 * @param leaves false where the VMM takes none out
 */
export function pmemTests(driver: DriverUnderTest, leaves: boolean): void {
  const test = testsOf(driver);

  test("a pmem file is a disk of the guest, which the next driver knows", "none", async (process) => {
    const machine = grpcClient(MachineDefinition, `${process.runDir}/driver-${driver.name}.sock`);
    const start = (path: string) => Deno.readTextFileSync(path).slice(0, 10);
    try {
      const { guest } = await process.start(sandboxId);
      const fileOf = async (name: string, text: string) => {
        const content = new Uint8Array(4 * MIB);
        content.set(new TextEncoder().encode(text));
        await Deno.writeFile(`${process.runDir}/${name}`, content);
        return `${process.runDir}/${name}`;
      };
      const attach = (hostPath: string, discardWrites: boolean) => {
        const device: Device = { $case: "pmem", value: { hostPath, discardWrites } };
        return machine.attachDevice({ sandboxId, id: "pmem", device }, OPTIONS);
      };
      const disk = async () => (await shell(guest!, DISK)).trim();
      const write = async (text: string) => {
        const path = await disk();
        await shell(guest!, `printf ${text} | dd of=${path} conv=notrunc 2>/dev/null && sync ${path}`);
        return (await shell(guest!, `head -c 10 ${path}`)).trim();
      };

      const kept = await fileOf("kept.img", "persistent");
      const answer = await attach(kept, false);
      await process.kill();
      await process.launch("none");
      deepStrictEqual(await attach(kept, false), answer);
      await rejects(attach(kept, true), { code: "ALREADY_EXISTS" });
      const path = await disk();
      strictEqual(await shell(guest!, `head -c 10 ${path}`), "persistent");
      strictEqual(Number(await shell(guest!, `cat /sys/block/${path.slice(5)}/size`)), 4 * MIB / 512);
      strictEqual(await write("guestwrite"), "guestwrite");
      strictEqual(start(kept), "guestwrite");

      if (leaves) {
        const detached = machine.detachDevice({ sandboxId, id: "pmem" }, OPTIONS);
        await shell(guest!, LET_GO);
        await detached;
        await machine.detachDevice({ sandboxId, id: "pmem" }, OPTIONS);
        ok(!(await shell(guest!, "ls /dev")).includes("pmem"));

        const discarded = await fileOf("discarded.img", "persistent");
        await attach(discarded, true);
        strictEqual(await write("discarding"), "discarding");
        strictEqual(start(discarded), "persistent");
      } else {
        await rejects(machine.detachDevice({ sandboxId, id: "pmem" }, OPTIONS), {
          code: "FAILED_PRECONDITION",
        });
        deepStrictEqual(await attach(kept, false), answer);
      }
    } finally {
      machine.close();
    }
    await process.client.remove({ sandboxId });
  });
}

/** @param driver configured to boot {@link IMAGE} from persistent memory */
export function pmemRootTests(driver: DriverUnderTest): void {
  const test = testsOf(driver);

  test("a guest boots from an image that is persistent memory", "none", async (process) => {
    const { guest } = await process.start(sandboxId);
    const mounts = await shell(guest!, "cat /proc/mounts");
    ok(/^\/dev\/(root|pmem0) \/ erofs ro/m.test(mounts), mounts);
    await process.client.remove({ sandboxId });
  });
}

/** The guest's root file system as a disk image. */
export const IMAGE = `${root}/build/image/kuasar.img`;
