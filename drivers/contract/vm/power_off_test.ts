import { deepStrictEqual } from "node:assert/strict";
import { powerOffParams } from "./power_off.ts";

Deno.test("a machine without ACPI ends by a reset on x86, and by PSCI on aarch64", () => {
  deepStrictEqual(powerOffParams("x86_64"), ["reboot=k", "task.power_off=reset"]);
  deepStrictEqual(powerOffParams("aarch64"), []);
});
