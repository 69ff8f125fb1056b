import { match, ok, strictEqual } from "node:assert/strict";
import { leftovers } from "../../deploy/leftovers.ts";
import { readLines } from "../../deploy/supervisor/lines.ts";
import { root } from "../../lib/build/mod.ts";
import { comparing } from "./fixture.ts";

const RUN_DIR = "/run/ktstart";

Deno.test({
  name: "deno task start runs the set and ends without a trace at SIGINT",
  ignore: comparing,
  fn: async () => {
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        "--no-check",
        "--quiet",
        `${root}/deploy/start.ts`,
        "--no-setup",
        "--run-dir",
        RUN_DIR,
      ],
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const lines: string[] = [];
    const ready = Promise.withResolvers<void>();
    const output = readLines(child.stdout, (line) => {
      lines.push(line);
      if (line.includes("Ready. Handler")) ready.resolve();
    }).then(() => ready.reject(new Error(lines.join("\n"))));
    output.catch(() => {});
    try {
      await ready.promise;
      child.kill("SIGINT");
      const { code } = await child.status;
      await output;
      strictEqual(code, 0, lines.join("\n"));
      match(lines.join("\n"), /Nothing is left running or mounted/);
      ok(lines.some((line) => /^sandboxer +\|/.test(line)), "lines have prefixes");
      strictEqual(leftovers(RUN_DIR).join("\n"), "");
    } finally {
      await Deno.remove(RUN_DIR, { recursive: true }).catch(() => {});
      await Deno.remove(`${root}/build/containerd-run-ktstart`, { recursive: true }).catch(() => {});
    }
  },
});
