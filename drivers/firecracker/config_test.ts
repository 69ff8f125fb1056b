import { strictEqual, throws } from "node:assert/strict";
import { parseConfig } from "../../lib/config/mod.ts";
import { fromFile, maxNics } from "./config.ts";
import { SCHEMA } from "./config_schema.ts";

const read = (text: string) => fromFile(parseConfig(SCHEMA, text), "test.toml");

for (const arch of ["x86_64", "aarch64"]) {
  Deno.test(`the shipped configuration for ${arch} is valid`, () => {
    const config = read(Deno.readTextFileSync(new URL(`./config_firecracker_${arch}.toml`, import.meta.url)));
    strictEqual(config.guest.initrdPath, "/var/lib/kuasar/kuasar.initrd");
    strictEqual(config.pci, true);
  });
}

Deno.test("what is not a disk leaves room for NICs, on PCI more than on MMIO", () => {
  strictEqual(maxNics(read("[hypervisor]\n")), 31 - 3 - 14);
  strictEqual(maxNics(read("[hypervisor]\npci = false\ndisk_places = 10\nentropy = false\n")), 17 - 2 - 12);
  strictEqual(maxNics(read(`[hypervisor]\nimage_path = "/i"\n`)), 31 - 4 - 14);
});

for (
  const text of [
    `image_path = "/a"\ninitrd_path = "/b"`,
    "pci = false",
    "disk_places = 30",
    `block_io = "async"`,
    `pathh = "/a"`,
  ]
) {
  Deno.test(`refused: ${text.replaceAll("\n", ", ")}`, () => {
    throws(() => read(`[hypervisor]\n${text}`), { code: "INVALID_ARGUMENT" });
  });
}
