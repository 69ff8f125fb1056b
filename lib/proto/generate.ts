/**
 * Generates `gen/` from `src/` with buf and ts-proto: plain objects with `encode` and `decode`, and service
 * definitions that carry no transport, so that gRPC, ttrpc, Deno and QuickJS share them.
 *
 * `deno run -A lib/proto/generate.ts` rewrites `gen/`; with `--check` it fails where `gen/` is out of date.
 */
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));

/** The options of protoc-gen-ts_proto, chosen for exact 64-bit numbers and small output. */
const OPTIONS = [
  "outputServices=generic-definitions",
  "outputJsonMethods=false",
  "outputPartialMethods=false",
  "forceLong=bigint",
  "useDate=false",
  "oneof=unions-value",
  "unrecognizedEnum=false",
  "importSuffix=.ts",
  "exportCommonSymbols=false",
  "emitImportedFiles=true",
];

/** The generator runs under npx: buf ships a native program per platform, and only npm picks just the host's. */
async function generate(out: string): Promise<void> {
  const template = JSON.stringify({
    version: "v2",
    plugins: [{ local: "protoc-gen-ts_proto", out, opt: OPTIONS, include_imports: true, include_wkt: true }],
  });
  const config = JSON.stringify({ version: "v2", modules: [{ path: "src" }] });
  const packages = ["-p", "@bufbuild/buf@1.75.0", "-p", "ts-proto@2.18.0", "-p", "@bufbuild/protobuf@2.17.0"];
  const result = await new Deno.Command("npx", {
    args: ["-y", ...packages, "buf", "generate", ".", "--config", config, "--template", template],
    cwd: here,
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (!result.success) {
    throw new Error(`Cannot generate protobuf code:\n${new TextDecoder().decode(result.stderr)}`);
  }
}

async function files(dir: string, prefix = ""): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const entry of Deno.readDir(dir)) {
    const path = `${dir}/${entry.name}`;
    if (entry.isDirectory) {
      for (const [k, v] of await files(path, `${prefix}${entry.name}/`)) found.set(k, v);
    } else found.set(prefix + entry.name, await Deno.readTextFile(path));
  }
  return found;
}

if (import.meta.main) {
  const out = await Deno.makeTempDir({ prefix: "kuasar-proto-" });
  try {
    await generate(out);
    if (Deno.args.includes("--check")) {
      const [want, have] = [await files(out), await files(`${here}/gen`)];
      const stale = [...new Set([...want.keys(), ...have.keys()])].filter((f) => want.get(f) !== have.get(f));
      if (stale.length) {
        console.error(`lib/proto/gen is out of date; run "deno task proto". Differs: ${stale.join(", ")}`);
        Deno.exit(1);
      }
    } else {
      await Deno.remove(`${here}/gen`, { recursive: true }).catch(() => {});
      for (const [name, text] of await files(out)) {
        const path = `${here}/gen/${name}`;
        await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
        await Deno.writeTextFile(path, text);
      }
    }
  } finally {
    await Deno.remove(out, { recursive: true });
  }
}
