import { deepStrictEqual, match, strictEqual, throws } from "node:assert/strict";
import { parseConfig } from "../../lib/config/mod.ts";
import { fromFile } from "./config.ts";
import { SCHEMA } from "./config_schema.ts";

const read = (text: string) => fromFile(parseConfig(SCHEMA, text), "test.toml");

for (const [arch, machine] of [["x86_64", "microvm"], ["aarch64", "virt"]] as const) {
  Deno.test(`the shipped configuration for ${arch} is valid and says nothing without effect`, () => {
    const text = Deno.readTextFileSync(new URL(`./config_stratovirt_${arch}.toml`, import.meta.url));
    const config = read(text);
    deepStrictEqual(config.notes, []);
    strictEqual(config.machine, machine);
    strictEqual(config.seccomp, true);
    strictEqual(config.guest.kernelPath, "/var/lib/kuasar/vmlinuz");
  });
}

Deno.test("a file as Kuasar ships it works, and what has no effect is told", () => {
  const config = read(`
    [sandbox]
    log_level = "info"
    enable_tracing = false
    [hypervisor]
    path = "/usr/bin/stratovirt"
    machine_type = "q35,mem-share=on"
    kernel_path = "/var/lib/kuasar/vmlinux.bin"
    image_path = ""
    initrd_path = "/var/lib/kuasar/kuasar.initrd"
    kernel_params = "task.log_level=debug task.sharefs_type=virtiofs"
    vcpus = 1
    memory_in_mb = 1024
    block_device_driver = "virtio-blk"
    debug = true
    enable_mem_prealloc = false
    firmware = "/usr/share/edk2/ovmf/OVMF_CODE.fd"
    [hypervisor.virtiofsd_conf]
    path = "/usr/bin/vhost_user_fs"
  `);
  deepStrictEqual([config.machine, config.firmware], ["q35", "/usr/share/edk2/ovmf/OVMF_CODE.fd"]);
  deepStrictEqual(config.notes, ["virtiofsd is configured at the storage service, not in this file"]);
});

Deno.test("a firmware that is not there, or is not used, is told", () => {
  throws(() => read(`[hypervisor]\nmachine_type = "q35"`), {
    code: "INVALID_ARGUMENT",
    message: /needs hypervisor\.firmware/,
  });
  const { firmware, notes } = read(`[hypervisor]\nmachine_type = "microvm"\nfirmware = "/f"`);
  strictEqual(firmware, "");
  match(notes[0]!, /no effect with microvm/);
});

for (const machine of ["pc", "q35,accel=kvm", "microvm,mem-share=maybe", ""]) {
  Deno.test(`the machine ${JSON.stringify(machine)} is refused`, () => {
    throws(() => read(`[hypervisor]\nfirmware = "/f"\nmachine_type = ${JSON.stringify(machine)}`), {
      code: "INVALID_ARGUMENT",
      message: /must be one of microvm, q35, virt/,
    });
  });
}

Deno.test("Kuasar's name of mem_prealloc means the same, other disk drivers virtio-blk", () => {
  strictEqual(read(`[hypervisor]\nenable_mem_prealloc = true`).memoryPrealloc, true);
  match(read(`[hypervisor]\nblock_device_driver = "virtio-scsi"`).notes[0]!, /taken for virtio-blk/);
});
