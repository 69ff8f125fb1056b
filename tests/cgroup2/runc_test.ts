/** Pods of plain namespaces on a host with cgroups of version 2: a VM, whatever this one has. */
import { match, strictEqual } from "node:assert/strict";
import { hostTools } from "../../deploy/host/mod.ts";
import { root } from "../root.ts";
import { obstacle } from "../systemd/machine.ts";
import { runOnCgroup2 } from "./machine.ts";

const TIMEOUT_MS = 600_000;

/** Runs a file of tests there. */
async function testsPass(file: string, options: { systemd?: boolean } = {}): Promise<void> {
  const runtime = Deno.env.get("KUASAR_E2E_OCI_RUNTIME") ?? hostTools().crun;
  const env = `KUASAR_E2E_HANDLER=kuasar-runc KUASAR_E2E_OCI_RUNTIME=${runtime}`;
  const tests = `${env} ${Deno.execPath()} test -A --no-check ${root}/tests/cgroup2/${file}`;
  const { code, console } = await runOnCgroup2(tests, TIMEOUT_MS, options);
  strictEqual(code, 0, console);
  match(console, /ok \| \d+ passed \| 0 failed/);
}

Deno.test("pods of plain namespaces on version 2 of cgroups", async () => {
  await testsPass("pods.ts");
});

const reason = obstacle();
Deno.test({
  name: `pods of plain namespaces in slices of systemd${reason ? ` (skipped: ${reason})` : ""}`,
  ignore: reason !== undefined,
  fn: () => testsPass("slices.ts", { systemd: true }),
});
