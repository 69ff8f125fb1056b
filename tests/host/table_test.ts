import { deepStrictEqual } from "node:assert/strict";
import type { HostReport } from "./run_host.ts";
import { table } from "./table.ts";

Deno.test("the table has a row for each check of any host, and says what failed", () => {
  const report = (name: "debian12" | "debian13", results: HostReport["results"]): HostReport => ({
    suite: { name, suite: "bookworm", docker: [] },
    versions: { kernel: name },
    results,
    cpuSeconds: 100,
  });
  const text = table([
    report("debian12", [{ name: "boot", seconds: 12.4, note: "" }]),
    report("debian13", [{ name: "exec", seconds: 3, note: "kernel 6", problem: "Cannot exec\nmore" }]),
  ]);
  deepStrictEqual(text.split("\n").map((line) => line.replace(/ +/g, " ")), [
    "| | debian12 | debian13 |",
    text.split("\n")[1]!.replace(/ +/g, " "),
    "| kernel | debian12 | debian13 |",
    "| boot | 12 s | |",
    "| exec | | FAILED: Cannot exec |",
    "| CPU time of the machine | 100 s | 100 s |",
    "",
  ]);
});
