/** A Debian host as people have it: what a machine with a private `/`, no AppArmor and old cgroups cannot show. */
import { deepStrictEqual } from "node:assert/strict";
import { slice } from "./checks.ts";
import { packagesUnderTest } from "./packages.ts";
import { runHost } from "./run_host.ts";
import { HOST_SUITES } from "./suites.ts";

Deno.test({
  name: "on Debian 12 with its kernel, systemd and AppArmor pods run, and nothing stays",
  // ssh's own connection outlives the calls.
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    const packages = await packagesUnderTest();
    const say = (line: string) => console.log(line);
    const { results } = await runHost(HOST_SUITES[0]!, { checks: slice(), packages, clean: false, say });
    deepStrictEqual(results.filter(({ problem }) => problem), []);
  },
});
