import { deepStrictEqual } from "node:assert/strict";
import { InstalledDrivers } from "./installed_drivers.ts";

Deno.test("the drivers of a node are those whose sockets are there", async () => {
  const dir = await Deno.makeTempDir();
  for (
    const name of ["driver-qemu.sock", "driver-x-1.sock", "driver-.sock", "driver-A.sock", "network.sock"]
  ) {
    await Deno.writeTextFile(`${dir}/${name}`, "");
  }
  const installed = new InstalledDrivers(dir);
  deepStrictEqual(installed.names(), ["qemu", "x-1"]);
  await Deno.remove(`${dir}/driver-qemu.sock`);
  deepStrictEqual(installed.names(), ["qemu", "x-1"], "one that restarts is still a driver of the node");
  deepStrictEqual(installed.haveRun(), [], "one that has never run is not woken");
  Deno.mkdirSync(`${dir}/driver-x-1`);
  deepStrictEqual(installed.haveRun(), ["x-1"]);
  await Deno.remove(dir, { recursive: true });
});
