import { ok, rejects, strictEqual } from "node:assert/strict";
import type { KuasarError } from "../../../lib/errors/mod.ts";
import type { DriverTest } from "./mod.ts";

/** What a start does when something is missing, broken or silent. */
export function faultTests(test: DriverTest): void {
  for (
    const [fault, word] of [["missing-kernel", "kernel"], ["missing-vmm", ""]] as const
  ) {
    test(`a start with a ${fault} says what is missing and where`, fault, async (process) => {
      await rejects(process.start("s1"), (error: KuasarError) => {
        strictEqual(error.code, "FAILED_PRECONDITION");
        ok(error.message.includes("does not exist"), error.message);
        ok(error.message.includes(word), error.message);
        ok(error.message.includes("deno task setup"), "and how to get it");
        return true;
      });
      await process.client.remove({ sandboxId: "s1" });
    });
  }

  for (
    const [fault, codes] of [
      ["broken-kernel", ["ABORTED", "DEADLINE_EXCEEDED"]],
      ["broken-image", ["ABORTED", "DEADLINE_EXCEEDED"]],
      ["silent-guest", ["DEADLINE_EXCEEDED"]],
    ] as const
  ) {
    test(`a start with a ${fault} fails with evidence and can be repeated`, fault, async (process) => {
      for (let i = 0; i < 2; i++) {
        await rejects(process.start("s1"), (error: KuasarError) => {
          ok((codes as readonly string[]).includes(error.code), `${error.code}: ${error.message}`);
          ok(error.evidence.length > 0, error.message);
          return true;
        });
        await process.assertClean();
      }
    });
  }
}
