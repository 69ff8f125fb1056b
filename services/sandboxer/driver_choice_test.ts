import { strictEqual, throws } from "node:assert/strict";
import { loadSandboxerConfig } from "./config.ts";
import { chooseDriver as choose } from "./driver_choice.ts";

const config = loadSandboxerConfig(undefined);

const code = (name: string) => (error: unknown) => (error as { code?: string }).code === name;

Deno.test("the handler names the driver; others take the default; a typo is refused", () => {
  const chooseDriver = (handler: string, given = config) =>
    choose(handler, given, () => ["cloud-hypervisor", "qemu"]);
  strictEqual(chooseDriver("kuasar-qemu"), "qemu");
  strictEqual(chooseDriver("kuasar-cloud-hypervisor"), "cloud-hypervisor");
  strictEqual(chooseDriver("kuasar-clh"), "cloud-hypervisor");
  for (const handler of ["", "kuasar", "vmm", "kuasar-vmm", "constructor"]) {
    strictEqual(chooseDriver(handler), "qemu");
  }
  throws(() => chooseDriver("kuasar-qmeu"), code("INVALID_ARGUMENT"));
  strictEqual(chooseDriver("fast", { ...config, handlers: { fast: "stratovirt" } }), "stratovirt");
});
