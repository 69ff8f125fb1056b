import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { KuasarError } from "../../lib/errors/mod.ts";
import type { Device } from "../contract/vm/devices.ts";
import type { AddedDevice, PmemConfig, VmInfo } from "./api_types.ts";
import { type DeviceApi, Devices } from "./devices.ts";
import type { VmmEvent } from "./event_stream.ts";

const BDF = "0000:00:06.0";

/** A VMM with pmem only, whose device tree is as the real one's: the PCI function stands around the device. */
class FakeVmm implements DeviceApi {
  readonly configured = new Map<string, PmemConfig>();
  readonly tree = new Set<string>();
  obeys = true;
  fixed = 3;
  #listeners = new Set<(event: VmmEvent) => void>();

  onEvent(listener: (event: VmmEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
  async addPmem(pmem: PmemConfig): Promise<AddedDevice> {
    if (this.fixed + this.tree.size >= 31) throw new KuasarError("INTERNAL", "Cannot do it");
    this.configured.set(pmem.id, pmem);
    this.tree.add(pmem.id);
    return { id: pmem.id, bdf: BDF };
  }
  async removeDevice(id: string): Promise<void> {
    if (!this.configured.delete(id)) throw new KuasarError("INTERNAL", "Cannot do it");
    if (this.obeys) this.letGo(id);
  }
  letGo(id: string): void {
    this.tree.delete(id);
    const event = { source: "vm", event: "device-removed", properties: { id } };
    this.#listeners.forEach((listener) => listener(event));
  }
  async info(): Promise<VmInfo> {
    const fixed = Array.from({ length: this.fixed }, (_, i) => [`fixed${i}`, { pci_bdf: BDF }]);
    const plugged = [...this.tree].flatMap((id) => [[id, {}], [`_virtio-pci-${id}`, { pci_bdf: BDF }]]);
    return {
      state: "Running",
      config: { pmem: [...this.configured.values()] },
      device_tree: Object.fromEntries([...fixed, ...plugged]),
    };
  }
  addNet = refuse;
  addFs = refuse;
  addDevice = refuse;
}

function refuse(): Promise<never> {
  return Promise.reject(new KuasarError("INTERNAL", "Cannot do it"));
}

async function withFile(
  test: (vmm: FakeVmm, devices: Devices, pmem: Device) => Promise<void>,
): Promise<void> {
  const hostPath = await Deno.makeTempFile();
  try {
    await Deno.truncate(hostPath, 2 << 20);
    const vmm = new FakeVmm();
    await test(vmm, new Devices(vmm, vmm, "/none", 20), {
      $case: "pmem",
      value: { hostPath, discardWrites: true },
    });
  } finally {
    await Deno.remove(hostPath);
  }
}

Deno.test("a device comes, is found again where it is, and goes", () =>
  withFile(async (vmm, devices, pmem) => {
    for (let i = 0; i < 3; i++) {
      strictEqual(await devices.attach("a", pmem), BDF);
      strictEqual(await new Devices(vmm, vmm, "/none").attach("a", pmem), BDF);
      deepStrictEqual([...vmm.configured.keys()], ["plug-a"]);
      strictEqual(vmm.configured.get("plug-a")!.discard_writes, true);
      await devices.detach("a");
      await devices.detach("a");
      strictEqual(await devices.has("a"), false);
    }
  }));

Deno.test("a device that the guest keeps is leaving, also for the next driver, and can come back", () =>
  withFile(async (vmm, devices, pmem) => {
    await devices.attach("a", pmem);
    vmm.obeys = false;
    await rejects(devices.detach("a"), { code: "DEADLINE_EXCEEDED" });
    const next = new Devices(vmm, vmm, "/none", 20);
    strictEqual(await next.has("a"), true);
    await rejects(next.attach("a", pmem), { code: "DEADLINE_EXCEEDED" });
    vmm.letGo("plug-a");
    await next.detach("a");
    strictEqual(await next.attach("a", pmem), BDF);
  }));

Deno.test("a full bus is told as such, a wrong request as it is", () =>
  withFile(async (vmm, devices, pmem) => {
    vmm.fixed = 31;
    await rejects(devices.attach("a", pmem), { code: "RESOURCE_EXHAUSTED" });
    await rejects(devices.attach("a", { $case: "pmem", value: { hostPath: "x", discardWrites: true } }), {
      code: "INVALID_ARGUMENT",
    });
    strictEqual(await devices.has("a"), false);
  }));
