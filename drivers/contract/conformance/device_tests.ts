import { rejects, strictEqual } from "node:assert/strict";
import { SandboxState } from "../../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { type DriverProcess, eventually } from "./driver_process.ts";
import type { DriverUnderTest } from "./subject.ts";
import type { DriverTest } from "./mod.ts";

/** A size that no other disk of the guest has. */
const DISK_BYTES = 1_234_944;

const NEW_SIZE = new RegExp(`\\] (new size: )?${DISK_BYTES / 512} 512-byte logical blocks`);

/** How long a busy guest may take to look at its bus. */
const GUEST_NOTICES_MS = 20_000;

const SANDBOX = { sandboxId: "s1" };

/** Disks that come and go, and a guest that stands still. */
export function deviceTests(test: DriverTest, driver: DriverUnderTest): void {
  test("disks are plugged in and out, again and again", "none", async (process) => {
    const { client } = process;
    const disk = await makeDisk(process);
    await process.start("s1");
    const plug = (serial: string, readOnly = true) =>
      client.attachBlock({ ...SANDBOX, device: { hostPath: disk, serial, readOnly } });
    const unplug = (serial: string) => client.detachBlock({ ...SANDBOX, serial });
    await plug("first");
    await unplug("first");
    const before = process.openFiles();
    for (let i = 0; i < 40; i++) {
      await plug(`disk-${i}`);
      await unplug(`disk-${i}`);
    }
    await process.assertOpenFiles(before);
    await plug("twice");
    await plug("twice");
    await unplug("twice");
    await unplug("twice");
    await client.remove(SANDBOX);
  });

  test("the guest finds a disk that is plugged in", "none", async (process) => {
    const { client } = process;
    const disk = await makeDisk(process);
    // The kernel's notice of a new disk, which `quiet` would hide.
    await process.start("s1", { kernelParams: ["loglevel=6"] });
    await client.attachBlock({ ...SANDBOX, device: { hostPath: disk, serial: "s", readOnly: true } });
    const { consolePath } = await client.status(SANDBOX);
    await eventually(
      // A disk that is new, or the new size of one that was there without a medium.
      () => NEW_SIZE.test(Deno.readTextFileSync(consolePath)),
      true,
      GUEST_NOTICES_MS,
    );
    await client.remove(SANDBOX);
  });

  test("several disks are plugged in at once and survive the driver", "none", async (process) => {
    const { client } = process;
    const disk = await makeDisk(process);
    await process.start("s1");
    const serials = ["a", "b", "c", "d"].slice(0, (driver.disks ?? 30) - 1);
    const device = (serial: string) => ({ hostPath: disk, serial, readOnly: true });
    await Promise.all(serials.map((serial) => client.attachBlock({ ...SANDBOX, device: device(serial) })));
    await process.kill();
    await process.launch("none");
    // Known to the new driver: neither a second disk nor an error.
    for (const serial of serials) await client.attachBlock({ ...SANDBOX, device: device(serial) });
    await client.attachBlock({ ...SANDBOX, device: device("e") });
    for (const serial of [...serials, "e"]) await client.detachBlock({ ...SANDBOX, serial });
    await client.remove(SANDBOX);
  });

  test("a disk that cannot be plugged in is refused and leaves no trace", "none", async (process) => {
    const { client } = process;
    const disk = await makeDisk(process);
    await process.start("s1");
    for (
      const device of [
        { hostPath: `${process.runDir}/nothing`, serial: "s", readOnly: true },
        { hostPath: "/dev/null", serial: "s", readOnly: true },
        { hostPath: "relative", serial: "s", readOnly: true },
        { hostPath: disk, serial: "", readOnly: true },
        { hostPath: disk, serial: "x".repeat(21), readOnly: true },
        { hostPath: disk, serial: "a,b", readOnly: true },
      ]
    ) await rejects(client.attachBlock({ ...SANDBOX, device }), { code: "INVALID_ARGUMENT" });
    await rejects(client.attachBlock({ ...SANDBOX, device: undefined }), { code: "INVALID_ARGUMENT" });
    await client.attachBlock({ ...SANDBOX, device: { hostPath: disk, serial: "s", readOnly: true } });
    await client.remove(SANDBOX);
  });

  test("a sandbox pauses, survives the driver so, and goes on", "none", async (process) => {
    const { client } = process;
    const { guest } = await process.start("s1");
    await client.pause(SANDBOX);
    await client.pause(SANDBOX);
    strictEqual((await client.status(SANDBOX)).state, SandboxState.PAUSED);
    await process.kill();
    await process.launch("none");
    strictEqual((await client.status(SANDBOX)).state, SandboxState.PAUSED);
    await client.resume(SANDBOX);
    await client.resume(SANDBOX);
    strictEqual((await client.status(SANDBOX)).state, SandboxState.RUNNING);
    await driver.ping(guest!);
    await client.pause(SANDBOX);
    await client.stop({ ...SANDBOX, graceMs: 0 });
    await client.remove(SANDBOX);
  });
}

async function makeDisk(process: DriverProcess): Promise<string> {
  const path = `${process.runDir}/disk.img`;
  await Deno.writeFile(path, new Uint8Array(DISK_BYTES));
  return path;
}
