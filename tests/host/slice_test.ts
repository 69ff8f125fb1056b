/** A Debian host as people have it: what a machine with a private `/`, no AppArmor and old cgroups cannot show. */
import { deepStrictEqual } from "node:assert/strict";
import { buildServices } from "../../deploy/install/bundle.ts";
import { SLICE } from "./checks.ts";
import { runHost } from "./run_host.ts";
import { HOST_SUITES } from "./suites.ts";

Deno.test({
  name: "on Debian 12 with its kernel, systemd and AppArmor pods run, and nothing stays",
  // ssh's own connection outlives the calls.
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    await buildServices();
    const { results } = await runHost(HOST_SUITES[0]!, SLICE, (line) => console.log(line));
    deepStrictEqual(results.filter(({ problem }) => problem), []);
  },
});
