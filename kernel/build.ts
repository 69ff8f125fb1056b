/**
 * Builds the guest kernel from Debian's source package and the fragments in `config/`.
 *
 * `deno run -A kernel/build.ts [--version 6.12]`
 */
import { parseArgs } from "node:util";
import {
  capture,
  fetchPackages,
  lineCounter,
  needCommands,
  root,
  run,
  step,
  type StepContext,
} from "../lib/build/mod.ts";
import { KuasarError } from "../lib/errors/mod.ts";
import { missingOptions, type Option, parseFragment } from "./config_fragments.ts";

/** The version whose source package is taken where none is named. */
const DEFAULT_VERSION = "6.12";

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

/** Same inputs, same bytes: the kernel would else carry the time and the name of the builder. */
const MAKE_ENV = {
  KCONFIG_ALLCONFIG: "kuasar.config",
  KBUILD_BUILD_TIMESTAMP: "1970-01-01",
  KBUILD_BUILD_USER: "kuasar",
  KBUILD_BUILD_HOST: "kuasar",
  KBUILD_BUILD_VERSION: "1",
};

const TARGETS = ["bzImage", "vmlinux"];

/** What make says of each object, and how many there are about: for the estimate alone. */
const OBJECT_LINE = /^ {2}(CC|AS) /;
const OBJECTS = 1_770;

/** A third of the time that others get at the same moment. */
const YIELDING = 5;

/** Counted up when the output's files change their names or what is in them. */
const LAYOUT = 2;

/** What the fragments ask for, in order of their file names. */
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

/** The options as a file for `make allnoconfig`, which says no to all that it does not name. */
function configFile(options: readonly Option[]): string {
  return options.map((option) => `${option.name}=${option.value}\n`).join("");
}

async function build(
  version: string,
  wanted: readonly Option[],
  niceness: number,
  context: StepContext,
): Promise<void> {
  const { out, log, say } = context;
  await needCommands(BUILD_TOOLS, log, say);
  const { tree, packaged } = await source(version, context);
  await Deno.writeTextFile(`${tree}/${MAKE_ENV.KCONFIG_ALLCONFIG}`, configFile(wanted));
  await run("make", ["-C", tree, "allnoconfig"], { log, env: MAKE_ENV });
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
  const progress = context.progress("compiling", OBJECTS);
  const count = lineCounter(OBJECT_LINE);
  const make = ["make", "-C", tree, `-j${jobs}`, ...TARGETS];
  await run("nice", ["-n", String(niceness), ...make], {
    log,
    env: MAKE_ENV,
    onOutput: (chunk) => progress.add(count(chunk)),
  });
  await Deno.rename(`${tree}/arch/x86/boot/bzImage`, `${out}/vmlinuz`);
  // Symbols are in the kernel itself (kallsyms); what a loader does not map need not be read.
  await capture("objcopy", ["--strip-all", `${tree}/vmlinux`, `${out}/vmlinux.bin`]);
  await Deno.writeTextFile(`${out}/config`, config);
  await Deno.writeTextFile(`${out}/version`, `${packaged}\n`);
  await Deno.remove(tree, { recursive: true });
}

/**
 * Builds the kernel unless it was built from the same options; a comment in a fragment costs no compilation.
 *
 * @param version of Debian's source package, `6.12`
 * @param options `yielding`: what else this host does comes before the compilation
 * @returns the directory with `vmlinuz` (bzImage), `vmlinux.bin` (ELF with a PVH entry), `config` and `version`
 * @throws KuasarError where an option of the fragments cannot be had, or the build fails
 */
export async function buildKernel(
  version: string = DEFAULT_VERSION,
  options: { yielding?: boolean } = {},
): Promise<string> {
  const wanted = await fragments();
  const recipe = JSON.stringify([LAYOUT, version, MAKE_ENV, TARGETS]);
  return await step({
    name: "kernel",
    output: "kernel",
    inputs: [{ text: recipe }, { text: configFile(wanted) }],
    run: (context) => build(version, wanted, options.yielding ? YIELDING : 0, context),
  });
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: { version: { type: "string", default: DEFAULT_VERSION } },
  });
  console.log(await buildKernel(values.version));
}
