import { deepStrictEqual, rejects } from "node:assert/strict";
import { KuasarError } from "../../lib/errors/mod.ts";
import type { DiskConfig, VmInfo } from "./api_types.ts";
import type { VmmEvent } from "./event_stream.ts";
import { Disks } from "./hotplug.ts";

/** A VMM that keeps the rules of hot-plug. */
class FakeVmm {
  readonly configured = new Map<string, DiskConfig>();
  readonly tree = new Set<string>();
  guest: "obeys" | "ignores" | "obeys without an event" = "obeys";
  fixed = 3;
  #listeners = new Set<(event: VmmEvent) => void>();

  onEvent(listener: (event: VmmEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
  addDisk(disk: DiskConfig) {
    if (this.tree.size + this.fixed >= 31 || this.tree.has(disk.id)) return Promise.reject(refusal());
    this.configured.set(disk.id, disk);
    this.tree.add(disk.id);
    return Promise.resolve({ id: disk.id, bdf: "0000:00:01.0" });
  }
  removeDevice(id: string): Promise<void> {
    if (!this.configured.delete(id)) return Promise.reject(refusal());
    if (this.guest !== "ignores") this.letGo(id, this.guest === "obeys");
    return Promise.resolve();
  }
  letGo(id: string, tell: boolean): void {
    this.tree.delete(id);
    const event = { source: "vm", event: "device-removed", properties: { id } };
    if (tell) this.#listeners.forEach((listener) => listener(event));
  }
  info(): Promise<VmInfo> {
    const devices = [...this.tree, ...Array.from({ length: this.fixed }, (_, i) => `fixed${i}`)];
    return Promise.resolve({
      state: "Running",
      config: { disks: [...this.configured.values()] },
      device_tree: Object.fromEntries(devices.map((id) => [id, { pci_bdf: "0000:00:01.0" }])),
    });
  }
}

function refusal(): KuasarError {
  return new KuasarError("INTERNAL", "Cannot do it");
}

const SHORT_MS = 20;
const disksOf = (vmm: FakeVmm) => new Disks(vmm, vmm, { major: 53, minor: 0 }, SHORT_MS);
const disk = (serial: string) => ({ hostPath: new URL(import.meta.url).pathname, serial, readOnly: true });

Deno.test("a disk comes and goes, and both may be repeated", async () => {
  const vmm = new FakeVmm();
  const disks = disksOf(vmm);
  for (let i = 0; i < 3; i++) {
    await disks.attach(disk("a"));
    await disks.attach(disk("a"));
    deepStrictEqual([...vmm.tree], ["disk-a"]);
    await disks.detach("a");
    await disks.detach("a");
    deepStrictEqual([...vmm.tree], []);
  }
});

Deno.test("a lost event is made up for by what the VMM says", async () => {
  const vmm = new FakeVmm();
  vmm.guest = "obeys without an event";
  const disks = disksOf(vmm);
  await disks.attach(disk("a"));
  await disks.detach("a");
  await disks.attach(disk("a"));
});

Deno.test("a disk that the guest keeps is leaving until it lets go, and can then come back", async () => {
  const vmm = new FakeVmm();
  vmm.guest = "ignores";
  const disks = disksOf(vmm);
  await disks.attach(disk("a"));
  await rejects(disks.detach("a"), { code: "DEADLINE_EXCEEDED" });
  await rejects(disks.attach(disk("a")), { code: "DEADLINE_EXCEEDED" });
  vmm.letGo("disk-a", false);
  await disks.attach(disk("a"));
  deepStrictEqual([...vmm.configured.keys()], ["disk-a"]);
});

Deno.test("a new driver knows what is plugged in and what was leaving", async () => {
  const vmm = new FakeVmm();
  const before = disksOf(vmm);
  await before.attach(disk("a"));
  await before.attach(disk("b"));
  vmm.guest = "ignores";
  await rejects(before.detach("b"), { code: "DEADLINE_EXCEEDED" });
  const after = disksOf(vmm);
  after.adopt(await vmm.info());
  await after.attach(disk("a"));
  vmm.letGo("disk-b", false);
  await after.detach("b");
  await after.attach(disk("b"));
});

Deno.test("a full bus is told as such, any other refusal as it is", async () => {
  const vmm = new FakeVmm();
  const disks = disksOf(vmm);
  vmm.fixed = 31;
  await rejects(disks.attach(disk("a")), { code: "RESOURCE_EXHAUSTED" });
  vmm.fixed = 3;
  vmm.tree.add("disk-a");
  await rejects(disks.attach(disk("a")), { code: "INTERNAL" });
});

for (const serial of ["", "a,b", "x".repeat(21), "-a"]) {
  Deno.test(`the serial ${JSON.stringify(serial)} is refused`, async () => {
    await rejects(disksOf(new FakeVmm()).attach(disk(serial)), { code: "INVALID_ARGUMENT" });
  });
}
