import { deepStrictEqual, match, strictEqual, throws } from "node:assert/strict";
import { parseConfig } from "../../lib/config/mod.ts";
import { fromFile } from "./config.ts";
import { SCHEMA } from "./config_schema.ts";

const read = (text: string) => fromFile(parseConfig(SCHEMA, text), "test.toml");

Deno.test("the shipped configuration is valid and says nothing without effect", () => {
  const config = read(Deno.readTextFileSync(new URL("./config_clh.toml", import.meta.url)));
  deepStrictEqual(config.notes, []);
  strictEqual(config.guest.initrdPath, "/var/lib/kuasar/kuasar.initrd");
});

Deno.test("a file as Kuasar ships it works, and what has no effect is told", () => {
  const config = read(`
    [sandbox]
    log_level = "info"
    [hypervisor]
    path = "/usr/local/bin/cloud-hypervisor"
    vcpus = 1
    memory_in_mb = 1024
    kernel_path = "/var/lib/kuasar/vmlinux.bin"
    image_path = "/var/lib/kuasar/kuasar.img"
    initrd_path = ""
    kernel_params = ""
    hugepages = false
    entropy_source = "/dev/urandom"
    debug = false
    [hypervisor.task]
    debug = true
    enable_tracing = false
    [hypervisor.virtiofsd]
    path = "/usr/local/bin/virtiofsd"
    log_level = "info"
    cache = "never"
    thread_pool_size = 4
    syslog = true
  `);
  strictEqual(config.guest.kernelParams, "task.log_level=debug");
  strictEqual(config.guest.imagePath, "/var/lib/kuasar/kuasar.img");
  strictEqual(config.notes.length, 1);
  match(config.notes[0]!, /virtiofsd/);
});

for (
  const text of [
    `image_path = "/a"\ninitrd_path = "/b"`,
    "memory_hotplug_mb = 100",
    `landlock_paths = ["/a"]`,
    `pathh = "/a"`,
  ]
) {
  Deno.test(`${JSON.stringify(text)} is refused`, () => {
    throws(() => read(`[hypervisor]\n${text}`), { code: "INVALID_ARGUMENT" });
  });
}
