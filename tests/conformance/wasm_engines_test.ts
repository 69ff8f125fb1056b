import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { hostTools } from "../../deploy/host/mod.ts";
import { nodePrograms } from "../../deploy/programs.ts";
import { installWasmtime } from "../../deploy/host/wasmtime.ts";
import { AotCompiler, type AotSettings } from "../../drivers/wasm/aot/compiler.ts";
import { type EngineName, type EngineRun, ENGINES } from "../../drivers/wasm/engine/mod.ts";
import { ARGUMENTS_LIBRARY, hideArguments } from "../../drivers/wasm/hidden_arguments.ts";
import { makeEngineRoot } from "../../drivers/wasm/engine_root.ts";
import { assemble } from "../../image/wasm/assemble.ts";
import { captureLog, logger } from "../../lib/log/mod.ts";

/** The programs that the driver's command lines are for. */
const PROGRAMS: Readonly<Record<EngineName, () => Promise<string>>> = {
  wasmedge: () => Promise.resolve(hostTools().wasmedge),
  wasmtime: async () => Deno.env.get("KUASAR_WASMTIME") ?? await installWasmtime(),
};

const RUN: EngineRun = {
  module: "",
  format: "module",
  precompiled: false,
  func: undefined,
  args: ["x"],
  env: [],
  cwd: "/",
  preopens: [],
  memoryLimit: undefined,
  nnPreloads: [],
};

async function output(program: string, args: readonly string[], env: Record<string, string> = {}) {
  const { code, stdout } = await new Deno.Command(program, { args: [...args], env, stdin: "null" }).output();
  return { code, text: new TextDecoder().decode(stdout) };
}

const library = async () =>
  (await new Deno.Command(nodePrograms().agent, { args: ["kuasar-preload"] }).output()).stdout;

/** As containers run an engine: what is secret is not on its command line. @param folder that has the library */
async function hiddenOutput(program: string, args: readonly string[], folder: string) {
  const hidden = hideArguments([program, ...args]);
  const variables = hidden.env.map((entry) => {
    const at = entry.indexOf("=");
    return [entry.slice(0, at), entry.slice(at + 1)] as const;
  });
  const env = { ...Object.fromEntries(variables), LD_PRELOAD: folder + ARGUMENTS_LIBRARY };
  return await output(program, hidden.args.slice(1), env);
}

/** What every engine must do. */
function engineTests(name: EngineName): void {
  const engine = ENGINES[name];

  async function withEngine(
    run: (program: string, folder: string, build: ReturnType<typeof buildOf>) => Promise<void>,
  ): Promise<void> {
    const program = await PROGRAMS[name]();
    const folder = await Deno.makeTempDir();
    const quiet = captureLog(() => {});
    try {
      await run(program, folder, buildOf((await output(program, engine.versionArgs)).text));
    } finally {
      quiet();
      await Deno.remove(folder, { recursive: true });
    }
  }

  function buildOf(text: string) {
    const build = engine.parseVersion(text);
    ok(build, text);
    return build;
  }

  Deno.test(`${name}: arguments and variables arrive as they are, whatever they are`, () =>
    withEngine(async (program, folder, build) => {
      const module = `${folder}/report.wasm`;
      await Deno.writeFile(module, await assemble("report"));
      await Deno.writeFile(folder + ARGUMENTS_LIBRARY, await library());
      // What a line can show: the module prints a line each.
      const text = fc.string({ unit: "grapheme-ascii", maxLength: 12 });
      const option = fc.constantFrom("--", "--env", "--dir=/:/", "-v", "--help", "-", "a b", "");
      const words = fc.array(fc.oneof(text, option), { maxLength: 4 });
      await fc.assert(
        fc.asyncProperty(words, fc.array(fc.oneof(text, option), { maxLength: 3 }), async (args, values) => {
          const env = values.map((value, index) => `V${index}=${value}`);
          const run = { ...RUN, module, args: ["report.wasm", ...args], env };
          const { code, text } = await hiddenOutput(program, engine.run(run, build), folder);
          strictEqual(code, 0);
          const lines = ["report.wasm", ...args].map((word) => `arg ${word}`);
          deepStrictEqual(
            text,
            [...lines, ...env.map((entry) => `env ${entry}`), "env PWD=/", ""].join("\n"),
          );
        }),
        { numRuns: 25 },
      );
    }));

  async function compilerIn(folder: string, more: Partial<AotSettings> = {}) {
    const program = await PROGRAMS[name]();
    const root = await makeEngineRoot(program, folder, library);
    const build = buildOf((await output(program, engine.versionArgs)).text);
    const settings: AotSettings = {
      mode: "wait",
      optimize: "2",
      folder: `${folder}/aot`,
      limitBytes: 1 << 30,
      maxModuleBytes: 1 << 20,
      limits: { memoryMib: 4096, timeoutMs: 60_000 },
      ...more,
    };
    return new AotCompiler(settings, { engine, build, root }, logger("test"));
  }

  Deno.test(`${name}: a module is compiled once for all who want it, and runs`, () =>
    withEngine(async (program, folder, build) => {
      const compiler = await compilerIn(folder);
      const module = `${folder}/exit.wasm`;
      await Deno.writeFile(module, await assemble("exit"));
      const [one, other] = await Promise.all([compiler.compiled(module), compiler.compiled(module)]);
      ok(one);
      strictEqual(other, one);
      const run = { ...RUN, module: one, precompiled: true, args: ["exit.wasm", "42"] };
      strictEqual((await output(program, engine.run(run, build))).code, 42);
      // The next process finds it, and what an earlier one has left half done is gone.
      await Deno.mkdir(`${folder}/aot/.work/999999999-1/in`, { recursive: true });
      const { ino } = await Deno.stat(one);
      const next = await compilerIn(folder, { mode: "background" });
      strictEqual(await next.compiled(module), one);
      strictEqual((await Deno.stat(one)).ino, ino);
      deepStrictEqual([...Deno.readDirSync(`${folder}/aot/.work`)], []);
    }));

  Deno.test(`${name}: in the background nobody waits`, () =>
    withEngine(async (_program, folder) => {
      const compiler = await compilerIn(folder, { mode: "background" });
      const module = `${folder}/hello.wasm`;
      await Deno.writeFile(module, await assemble("hello"));
      strictEqual(await compiler.compiled(module), undefined);
      // Whatever becomes of the container.
      await Deno.remove(module);
      await compiler.idle();
      await Deno.writeFile(module, await assemble("hello"));
      ok(await compiler.compiled(module));
    }));

  Deno.test(`${name}: what cannot be compiled, or takes too long, runs as it is`, () =>
    withEngine(async (_program, folder) => {
      const broken = `${folder}/broken.wasm`;
      await Deno.writeFile(broken, new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 0xff]));
      const compiler = await compilerIn(folder);
      strictEqual(await compiler.compiled(broken), undefined);
      const module = `${folder}/hello.wasm`;
      await Deno.writeFile(module, await assemble("hello"));
      const hurried = await compilerIn(folder, { limits: { memoryMib: 4096, timeoutMs: 1 } });
      strictEqual(await hurried.compiled(module), undefined);
      const poor = await compilerIn(folder, { limits: { memoryMib: 1, timeoutMs: 60_000 } });
      strictEqual(await poor.compiled(module), undefined);
      const small = await compilerIn(folder, { maxModuleBytes: 10 });
      strictEqual(await small.compiled(module), undefined);
      deepStrictEqual([...Deno.readDirSync(`${folder}/aot/.work`)], []);
      ok(await compiler.compiled(module));
    }));
}

for (const name of Object.keys(PROGRAMS) as EngineName[]) engineTests(name);
