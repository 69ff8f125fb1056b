import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { KuasarError } from "../errors/mod.ts";
import { buildDir, digest, run, step } from "./mod.ts";

async function withOutput(work: (output: string) => Promise<void>): Promise<void> {
  const output = `test-${crypto.randomUUID()}`;
  try {
    await work(output);
  } finally {
    for (const path of [output, `${output}.new`, `${output}.old`, `log/${output}.log`, `lock/${output}`]) {
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
    await rejects(Deno.stat(`${path}.new`), Deno.errors.NotFound);
  });
});

Deno.test("what is thrown by something else than us comes with the log", async () => {
  await withOutput(async (output) => {
    const failing = step({
      name: output,
      output,
      inputs: [],
      run: async ({ log }) => {
        await Deno.writeTextFile(log, "the last line\n");
        throw new Deno.errors.PermissionDenied("no");
      },
    });
    await rejects(failing, (error: unknown) => {
      strictEqual((error as KuasarError).code, "INTERNAL");
      deepStrictEqual([...(error as KuasarError).evidence], ["the last line"]);
      return true;
    });
  });
});

Deno.test("the digest tells names, contents and borders of its inputs apart", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const of = async (files: Record<string, string>) => {
      const path = `${dir}/${crypto.randomUUID()}`;
      await Deno.mkdir(path);
      for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${path}/${name}`, text);
      return await digest([{ path }]);
    };
    strictEqual(await of({ a: "1", b: "2" }), await of({ b: "2", a: "1" }));
    const all = await Promise.all([
      of({}),
      of({ a: "1", b: "2" }),
      of({ a: "2", b: "1" }),
      of({ a: "1", c: "2" }),
      of({ a: "12", b: "" }),
      digest([{ text: "ab" }]),
      digest([{ text: "a" }, { text: "b" }]),
      digest([{ text: "b" }, { text: "a" }]),
    ]);
    strictEqual(new Set(all).size, all.length);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("a command that does not exist is named", async () => {
  await withOutput(async (output) => {
    await Deno.mkdir(`${buildDir}/log`, { recursive: true });
    const missing = run("kuasar-no-such-command", [], { log: `${buildDir}/log/${output}.log` });
    await rejects(missing, { code: "FAILED_PRECONDITION" });
  });
});

Deno.test("a signal ends the command of a step, and nothing of the step is left", async () => {
  await withOutput(async (output) => {
    const script = `
      import { run, step } from ${JSON.stringify(new URL("./mod.ts", import.meta.url).href)};
      await step({
        name: "${output}",
        output: "${output}",
        inputs: [],
        run: ({ log }) => run("sh", ["-c", "echo $$; exec sleep 1000"], { log, onOutput: (o) => Deno.stdout.writeSync(o) }),
      });`;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["eval", script],
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const stderr = new Response(child.stderr).text();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const pid = Number((await reader.read()).value);
    child.kill("SIGTERM");
    strictEqual((await child.status).code, 143, await stderr);
    await reader.cancel();
    await rejects(Deno.stat(`/proc/${pid}`), Deno.errors.NotFound);
    await rejects(Deno.stat(`${buildDir}/${output}.new`), Deno.errors.NotFound);
    match(await stderr, /given up after/);
  });
});
