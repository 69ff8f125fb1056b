/**
 * Builds the guest kernel from Debian's source package and the fragments in `config/`.
 *
 * `deno run -A kernel/build.ts [--version 6.12]`
 */
import { parseArgs } from "node:util";
import { capture, fetchPackages, needCommands, root, run, step, type StepContext } from "../lib/build/mod.ts";
import { KuasarError } from "../lib/errors/mod.ts";
import { missingOptions, type Option, parseFragment } from "./config_fragments.ts";

/** The version whose source package is taken where none is named. */
export const DEFAULT_VERSION = "6.12";

const CONFIG_DIR = `${root}/kernel/config`;

const BUILD_TOOLS: Record<string, string> = {
  gcc: "build-essential",
  make: "build-essential",
  flex: "flex",
  bison: "bison",
  bc: "bc",
  xz: "xz-utils",
  lz4: "lz4",
  perl: "perl",
  "/usr/include/gelf.h": "libelf-dev",
};

async function fragments(): Promise<Option[]> {
  const names: string[] = [];
  for await (const entry of Deno.readDir(CONFIG_DIR)) {
    if (entry.name.endsWith(".config")) names.push(entry.name);
  }
  const read = async (name: string) => parseFragment(name, await Deno.readTextFile(`${CONFIG_DIR}/${name}`));
  return (await Promise.all(names.sort().map(read))).flat();
}

/** Unpacks the newest `linux-source-<version>` of Debian. @returns the source tree and the package's version */
async function source(
  version: string,
  { out, log, say }: StepContext,
): Promise<{ tree: string; packaged: string }> {
  const name = `linux-source-${version}`;
  say(`fetching ${name}`);
  const [item] = await fetchPackages("trixie", [name], { closure: false, log });
  if (!item) {
    throw new KuasarError("NOT_FOUND", `Cannot fetch ${name}: the Debian archive has no such package`);
  }
  const dir = `${out}/source`;
  await run("dpkg-deb", ["-x", item.file, `${out}/package`], { log });
  await Deno.mkdir(dir);
  await run("tar", ["-xf", `${out}/package/usr/src/${name}.tar.xz`, "--strip-components=1", "-C", dir], {
    log,
  });
  await Deno.remove(`${out}/package`, { recursive: true });
  return { tree: dir, packaged: item.version };
}

async function build(version: string, context: StepContext): Promise<void> {
  const { out, log, say } = context;
  await needCommands(BUILD_TOOLS, log, say);
  const { tree, packaged } = await source(version, context);
  const wanted = await fragments();
  await Deno.writeTextFile(`${tree}/kuasar.config`, wanted.map((o) => `${o.name}=${o.value}\n`).join(""));
  // Same inputs, same bytes: the kernel would else carry the time and the name of the builder.
  const env = {
    KCONFIG_ALLCONFIG: "kuasar.config",
    KBUILD_BUILD_TIMESTAMP: "1970-01-01",
    KBUILD_BUILD_USER: "kuasar",
    KBUILD_BUILD_HOST: "kuasar",
    KBUILD_BUILD_VERSION: "1",
  };
  await run("make", ["-C", tree, "allnoconfig"], { log, env });
  const config = await Deno.readTextFile(`${tree}/.config`);
  const missing = missingOptions(wanted, config);
  if (missing.length > 0) {
    throw new KuasarError(
      "FAILED_PRECONDITION",
      `Cannot configure the kernel: Kconfig dropped ${missing.length} options`,
      {
        evidence: missing.map((option) => `${option.where}: ${option.name}=${option.value}`),
      },
    );
  }
  const jobs = navigator.hardwareConcurrency;
  say(`compiling Linux ${packaged} with ${jobs} jobs (some minutes; ${log})`);
  await run("make", ["-C", tree, `-j${jobs}`, "bzImage", "vmlinux"], { log, env });
  await Deno.rename(`${tree}/arch/x86/boot/bzImage`, `${out}/vmlinuz`);
  await capture("objcopy", ["--strip-debug", `${tree}/vmlinux`, `${out}/vmlinux`]);
  await Deno.writeTextFile(`${out}/config`, config);
  await Deno.writeTextFile(`${out}/version`, `${packaged}\n`);
  await Deno.remove(tree, { recursive: true });
}

/**
 * Builds the kernel unless it was built from the same fragments.
 *
 * @param version of Debian's source package, `6.12`
 * @returns the directory with `vmlinuz` (bzImage), `vmlinux` (ELF with a PVH entry), `config` and `version`
 * @throws KuasarError where an option of the fragments cannot be had, or the build fails
 */
export function buildKernel(version: string = DEFAULT_VERSION): Promise<string> {
  return step({
    name: "kernel",
    output: "kernel",
    inputs: [{ text: version }, { path: CONFIG_DIR }, { path: `${root}/kernel/build.ts` }],
    run: (context) => build(version, context),
  });
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: { version: { type: "string", default: DEFAULT_VERSION } },
  });
  console.log(await buildKernel(values.version));
}
