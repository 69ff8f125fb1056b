import { strictEqual } from "node:assert/strict";
import { showCheckout } from "./checkout.ts";
import type { DebianHost } from "./debian_host.ts";
import type { Kind } from "./install.ts";

/** Long enough for the slowest file under emulation. */
const TIMEOUT_MS = 3_600_000;

/**
 * Runs files of tests/e2e in the machine, each with a node of its own from this checkout.
 *
 * @returns how many tests passed
 */
export async function endToEnd(host: DebianHost, kind: Kind, files: readonly string[]): Promise<string> {
  const deno = await showCheckout(host.machine);
  const paths = files.map((name) => `tests/e2e/${name}_test.ts`).join(" ");
  const { code, stdout, stderr } = await host.machine.run(
    `export KUASAR_E2E_HANDLER=kuasar-${kind} NO_COLOR=1; ${deno} test -A --no-check ${paths}`,
    TIMEOUT_MS,
  );
  const [, passed, failed] = /(\d+) passed .*?\| (\d+) failed/.exec(stdout) ?? [];
  strictEqual(
    code,
    0,
    `${passed} passed, ${failed} failed\n${stdout.slice(-20_000)}\n${stderr.slice(-5_000)}`,
  );
  return `${passed} passed`;
}
