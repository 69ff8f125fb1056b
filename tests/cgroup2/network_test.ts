/** CNI plugins with links that the kernel of this host may not have: the guest's has vlan, dummy and VRF. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { root } from "../root.ts";
import { runOnCgroup2 } from "./machine.ts";

const TIMEOUT_MS = 600_000;
/** What no pod makes for itself, so that the guest's kernel has none either. */
const MISSING = ["ifb", "ipvlan"];

Deno.test("a guest has what CNI plugins leave, on a host with the guest's kernel", async () => {
  const tests = `${Deno.execPath()} test -A --no-check ${root}/tests/network/plugins_test.ts`;
  const { code, console } = await runOnCgroup2(tests, TIMEOUT_MS);
  strictEqual(code, 0, console);
  const missing = [...console.matchAll(/has no links of the kind (\w+)/g)].map(([, kind]) => kind!);
  deepStrictEqual([...new Set(missing)].sort(), MISSING);
});
