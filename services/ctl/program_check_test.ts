import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { driverDeployment } from "../../deploy/drivers.ts";
import { checkPrograms } from "./program_check.ts";

Deno.test("a program of one kind of pods is looked for, and where it is missing its source is told", async () => {
  const dir = await Deno.makeTempDir();
  const path = `${dir}/vmm`;
  await Deno.writeTextFile(path, "#!/bin/sh\necho VMM v1.13.2\n", { mode: 0o700 });
  const driver = driverDeployment("firecracker");
  const look = async (change: { path?: string; minVersion?: string }) => {
    const [finding] = await checkPrograms([{ ...driver, program: { ...driver.program!, path, ...change } }]);
    return finding!;
  };
  deepStrictEqual(await look({ minVersion: "1.2" }), {
    what: "vmm",
    verdict: "ok",
    detail: `1.13.2 at ${path}`,
  });
  const old = await look({});
  strictEqual(old.verdict, "absent");
  match(old.detail, /1\.13\.2 .* older than 1\.14/);
  const none = await look({ path: `${dir}/none` });
  strictEqual(none.verdict, "absent");
  match(none.detail, /kuasar-firecracker/);
  match(none.remedy!, /^take it from/);
  await Deno.remove(dir, { recursive: true });
});

Deno.test("a driver whose program is a package has no line of its own", async () => {
  deepStrictEqual(await checkPrograms([driverDeployment("qemu")]), []);
});

Deno.test("both engines of Wasm pods are told, the one that no package has as a choice", async () => {
  const [finding] = await checkPrograms([driverDeployment("wasm")]);
  strictEqual(finding!.what, "wasmtime");
  if (finding!.verdict === "absent") match(finding!.detail, /kuasar-wasm may use it/);
});
