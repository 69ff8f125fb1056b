import { deepStrictEqual, match, strictEqual, throws } from "node:assert/strict";
import { parseConfig } from "../../lib/config/mod.ts";
import { KuasarError } from "../../lib/errors/mod.ts";
import { fromFile } from "./config.ts";
import { SCHEMA } from "./config_schema.ts";

const read = (text: string) => fromFile(parseConfig(SCHEMA, text), "test.toml");

for (const arch of ["x86_64", "aarch64"]) {
  Deno.test(`the shipped configuration for ${arch} is valid and says nothing without effect`, () => {
    const text = Deno.readTextFileSync(new URL(`./config_qemu_${arch}.toml`, import.meta.url));
    const config = read(text);
    deepStrictEqual(config.notes, []);
    strictEqual(config.machine, arch === "x86_64" ? "q35" : "virt");
    strictEqual(config.console, arch === "x86_64" ? "ttyS0" : "ttyAMA0");
    strictEqual(config.guest.imagePath, "");
  });
}

Deno.test("a file as Kuasar ships it works, and what has no effect is told", () => {
  const config = read(`
    [sandbox]
    log_level = "info"
    [hypervisor]
    machine_accelerators = ""
    firmware_path = ""
    cpu_features = ""
    cpu_model = "host"
    qemu_path = "/usr/bin/qemu-system-x86_64"
    machine_type = "pc"
    default_bridges = 1
    default_max_vcpus = 0
    entropy_source = "/dev/urandom"
    mem_slots = 1
    mem_offset = 0
    memory_path = ""
    file_backend_mem_path = ""
    mem_prealloc = false
    hugepages = false
    enable_vhost_user_store = false
    enable_swap = false
    msize_9p = 8192
    virtio_9p_direct_io = false
    virtio_9p_multidevs = ""
    enable_iothreads = true
    block_device_driver = "VirtioScsi"
    disable_nvdimm = true
    share_fs = "Virtio9P"
    use_vsock = true
    virtiofs_daemon_path = "/usr/bin/virtiofsd"
    virtiofs_extra_args = []
    vcpus = 1
    memory_in_mb = 2048
    initrd_path = "/var/lib/kuasar/kuasar.initrd"
    kernel_path = "/var/lib/kuasar/vmlinux.bin"
    kernel_params = "task.log_level=debug"
  `);
  strictEqual(config.shareFs, "9p");
  strictEqual(config.virtio9pMultidevs, "remap");
  strictEqual(config.guest.memoryMib, 2048);
  strictEqual(config.notes.length, 5);
  match(config.notes.join(), /share_fs = 9p: a guest may read what others write as it was before/);
  match(config.notes[0]!, /enable_iothreads = true has no effect/);
});

Deno.test("an empty file takes the initrd of the package", () => {
  const config = read("");
  strictEqual(config.guest.initrdPath, "/var/lib/kuasar/kuasar.initrd");
  strictEqual(config.guest.bootTimeoutMs, 90_000);
  strictEqual(read(`[hypervisor]\nimage_path = "/x.img"`).guest.initrdPath, "");
});

Deno.test("an image and an initrd together are refused", () => {
  throws(() => read(`[hypervisor]\nimage_path = "/a"\ninitrd_path = "/b"`), { code: "INVALID_ARGUMENT" });
});

Deno.test("an unknown key names its line and the nearest key", () => {
  throws(
    () => read(`[hypervisor]\nmemory_in_mib = 1`),
    (e: KuasarError) => e.code === "INVALID_ARGUMENT" && /:2: .*memory_in_mb/.test(e.message),
  );
});
