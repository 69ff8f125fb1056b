import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { KuasarError } from "../errors/mod.ts";
import { buildDir, run, step } from "./mod.ts";

async function withOutput(work: (output: string) => Promise<void>): Promise<void> {
  const output = `test-${crypto.randomUUID()}`;
  try {
    await work(output);
  } finally {
    for (const path of [output, `${output}.new`, `log/${output}.log`, `lock/${output}`]) {
      await Deno.remove(`${buildDir}/${path}`, { recursive: true }).catch(() => {});
    }
  }
}

Deno.test("a step runs once per set of inputs", async () => {
  await withOutput(async (output) => {
    const runs: string[] = [];
    const build = (text: string) =>
      step({
        name: output,
        output,
        inputs: [{ text }],
        run: async ({ out }) => {
          runs.push(text);
          await Deno.writeTextFile(`${out}/file`, text);
        },
      });
    await Promise.all([build("a"), build("a")]);
    await build("a");
    const path = await build("b");
    deepStrictEqual(runs, ["a", "b"]);
    strictEqual(await Deno.readTextFile(`${path}/file`), "b");
  });
});

Deno.test("a step that fails keeps the old output and shows the end of its log", async () => {
  await withOutput(async (output) => {
    const path = await step({
      name: output,
      output,
      inputs: [],
      run: ({ out }) => Deno.writeTextFile(`${out}/file`, "old"),
    });
    const failing = step({
      name: output,
      output,
      inputs: [{ text: "new" }],
      run: ({ log }) => run("sh", ["-c", "echo one; echo two >&2; exit 3"], { log }),
    });
    await rejects(failing, (error: unknown) => {
      strictEqual((error as KuasarError).code, "INTERNAL");
      deepStrictEqual([...(error as KuasarError).evidence].sort(), ["one", "two"]);
      return true;
    });
    strictEqual(await Deno.readTextFile(`${path}/file`), "old");
  });
});

Deno.test("a command that does not exist is named", async () => {
  await withOutput(async (output) => {
    await Deno.mkdir(`${buildDir}/log`, { recursive: true });
    const missing = run("kuasar-no-such-command", [], { log: `${buildDir}/log/${output}.log` });
    await rejects(missing, { code: "FAILED_PRECONDITION" });
  });
});
