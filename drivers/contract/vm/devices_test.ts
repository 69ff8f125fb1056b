import { deepStrictEqual, rejects, strictEqual, throws } from "node:assert/strict";
import { KuasarError } from "../../../lib/errors/mod.ts";
import { attachDevice, detachDevice, type Device, deviceOf, type PluggedDevices } from "./devices.ts";

const one: Device = { $case: "vfio", value: { pciAddress: "0000:03:00.0" } };
const other: Device = { $case: "vfio", value: { pciAddress: "0000:04:00.0" } };

/** A VMM and what its driver has written down. */
class World implements PluggedDevices {
  readonly there = new Set<string>();
  recorded: Readonly<Record<string, string>> = {};
  /** What was on record when the VMM was asked. */
  intent: string[] = [];
  refuses = false;
  answersLate = false;

  get = () => this.recorded;
  put = (devices: Readonly<Record<string, string>>) => void (this.recorded = devices);
  async attach(id: string): Promise<string> {
    this.intent = Object.keys(this.recorded);
    if (this.refuses) throw new KuasarError("INTERNAL", "Cannot do it");
    this.there.add(id);
    if (this.answersLate) throw new KuasarError("DEADLINE_EXCEEDED", "Cannot do it in time");
    return "0000:00:06.0";
  }
  async detach(id: string): Promise<void> {
    if (this.refuses) throw new KuasarError("DEADLINE_EXCEEDED", "Cannot hear from the guest");
    this.there.delete(id);
  }
  async has(id: string): Promise<boolean> {
    return this.there.has(id);
  }
}

Deno.test("the intent is on record before the VMM is asked, and what it refuses is not kept", async () => {
  const world = new World();
  world.refuses = true;
  await rejects(attachDevice(world, world, "d", one), { code: "INTERNAL" });
  deepStrictEqual([world.intent, world.recorded], [["d"], {}]);
});

Deno.test("a device may be plugged in twice, another one under its id may not", async () => {
  const world = new World();
  strictEqual(await attachDevice(world, world, "d", one), "0000:00:06.0");
  strictEqual(await attachDevice(world, world, "d", one), "0000:00:06.0");
  await rejects(attachDevice(world, world, "d", other), { code: "ALREADY_EXISTS" });
  await detachDevice(world, world, "d");
  await detachDevice(world, world, "d");
  await attachDevice(world, world, "d", other);
});

Deno.test("what may be there stays on record: a late answer, a guest that keeps its device", async () => {
  const world = new World();
  world.answersLate = true;
  await rejects(attachDevice(world, world, "d", one), { code: "DEADLINE_EXCEEDED" });
  world.refuses = true;
  await rejects(detachDevice(world, world, "d"), { code: "DEADLINE_EXCEEDED" });
  deepStrictEqual(Object.keys(world.recorded), ["d"]);
});

Deno.test("a request without a device, or with a bad id, is refused", () => {
  throws(() => deviceOf({ sandboxId: "s", id: "d", device: undefined }), { code: "INVALID_ARGUMENT" });
  throws(() => deviceOf({ sandboxId: "s", id: "../d", device: one }), { code: "INVALID_ARGUMENT" });
});
