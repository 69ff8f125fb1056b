import { ok, rejects, strictEqual } from "node:assert/strict";
import { type DriverUnderTest, testsOf } from "../../drivers/contract/conformance/mod.ts";
import type { KuasarError } from "../../lib/errors/mod.ts";

/** A guest that does not let go of its disk, for drivers whose guests must. */
export function unplugTests(driver: DriverUnderTest): void {
  const test = testsOf(driver);

  test(
    "a disk that the guest keeps is told of in time, and can be taken out later",
    "none",
    async (process) => {
      const { client } = process;
      const hostPath = `${process.runDir}/disk.img`;
      await Deno.writeFile(hostPath, new Uint8Array(1 << 20));
      const sandboxId = "s1";
      await process.start(sandboxId);
      const device = { hostPath, serial: "kept", readOnly: true };
      await client.attachBlock({ sandboxId, device });
      // Nobody is there to answer.
      await client.pause({ sandboxId });
      const began = performance.now();
      await rejects(
        client.detachBlock({ sandboxId, serial: "kept" }, { timeoutMs: 60_000 }),
        (error: KuasarError) => {
          ok(
            ["DEADLINE_EXCEEDED", "FAILED_PRECONDITION"].includes(error.code),
            `${error.code}: ${error.message}`,
          );
          return true;
        },
      );
      ok(performance.now() - began < 30_000);
      await client.resume({ sandboxId });
      await client.detachBlock({ sandboxId, serial: "kept" }, { timeoutMs: 60_000 });
      await client.attachBlock({ sandboxId, device });
      await client.detachBlock({ sandboxId, serial: "kept" });
      strictEqual((await client.list({})).sandboxIds.length, 1);
      await client.remove({ sandboxId });
    },
  );
}
