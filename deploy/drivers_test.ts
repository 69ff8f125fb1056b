import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { root } from "../lib/build/mod.ts";
import { TOOLS } from "./host/mod.ts";
import {
  allHandlers,
  chosenDrivers,
  driverDeployment,
  driverOfHandler,
  DRIVERS,
  shimBinary,
} from "./drivers.ts";
import { missingPrograms } from "./setup.ts";

for (const driver of DRIVERS) {
  Deno.test(`driver ${driver.name} has its folder, known tools and handlers of its own`, () => {
    ok(Deno.statSync(`${root}/drivers/${driver.folder}/main.ts`).isFile);
    for (const key of driver.tools) ok(TOOLS.some((tool) => tool.key === key), key);
    for (const handler of driver.handlers) strictEqual(driverOfHandler(handler), driver, handler);
    ok(driver.handlers[0] === `kuasar-${driver.name}`, "the first handler is kuasar-<driver>");
    ok(/^io\.containerd\.kuasar-[a-z]+\.v2$/.test(driver.runtimeType), driver.runtimeType);
  });
}

Deno.test("no handler is that of two drivers", () => {
  const handlers = allHandlers();
  deepStrictEqual([...new Set(handlers)], handlers);
});

Deno.test("the shim's name follows from the runtime type as containerd derives it", () => {
  strictEqual(shimBinary("io.containerd.kuasar-vmm.v2"), "containerd-shim-kuasar-vmm-v2");
});

Deno.test("an unknown driver is refused with those that exist", () => {
  throws(() => driverDeployment("bochs"), /"bochs": there are qemu/);
});

Deno.test("drivers are chosen by their names, however these are written", () => {
  const names = (text?: string) => chosenDrivers(text).map(({ name }) => name);
  deepStrictEqual(names(), DRIVERS.map(({ name }) => name));
  deepStrictEqual(names("all"), names());
  deepStrictEqual(names("cloud_hypervisor, runc"), ["cloud-hypervisor", "runc"]);
  throws(() => names("bochs"), { code: "NOT_FOUND" });
});

Deno.test("what nothing here builds is told with how to get it", () => {
  const [driver] = chosenDrivers("firecracker");
  const program = { ...driver!.program!, path: "/nonexistent/firecracker" };
  const [line, ...more] = missingPrograms([{ ...driver!, program }, ...chosenDrivers("qemu,runc")]);
  match(line!, /^firecracker: \/nonexistent\/firecracker \(1\.14 or newer\) is missing: take it from/);
  deepStrictEqual(more, []);
});
