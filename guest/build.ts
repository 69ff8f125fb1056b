/**
 * Builds the agent: TypeScript → one ES module (esbuild) → bytecode (qjsc) → a static binary (gcc).
 *
 * `deno run -A guest/build.ts`
 */
import * as esbuild from "esbuild";
import { fetchPackages, needCommands, root, run, step, unpackPackages } from "../lib/build/mod.ts";

const GUEST = `${root}/guest`;

/** What the agent is compiled against; trixie has the QuickJS that we want and a libc to link it with. */
const SYSROOT_PACKAGES = ["libc6", "libc6-dev", "libcrypt-dev", "linux-libc-dev", "libquickjs", "quickjs"];

const LIBRARIES = "usr/lib/x86_64-linux-gnu";

/** Where the compiler finds the C library and QuickJS. */
export function sysroot(): Promise<string> {
  return step({
    name: "sysroot",
    output: "sysroot",
    inputs: [{ text: SYSROOT_PACKAGES.join(" ") }],
    run: async ({ out, log }) => {
      await unpackPackages(
        await fetchPackages("trixie", SYSROOT_PACKAGES, { closure: false, log }),
        out,
        log,
      );
    },
  });
}

/** Native modules by the files that stand in for them where there is no QuickJS. */
type NativeModules = Readonly<Record<string, string>>;
const AGENT_MODULES: NativeModules = { [`${GUEST}/native/sys.js`]: "sys" };

/** Leaves the import of native modules to QuickJS, which has them built in. */
function nativeModules(modules: NativeModules): esbuild.Plugin {
  return {
    name: "native-modules",
    setup: (build) => {
      build.onResolve({ filter: /\.js$/ }, ({ path, resolveDir }) => {
        const name = modules[new URL(path, `file://${resolveDir}/`).pathname];
        return name === undefined ? null : { path: name, external: true };
      });
    },
  };
}

/** One ES module with all that `entry` imports. @param more native modules besides the agent's @returns its text */
export async function bundle(entry: string, more: NativeModules = {}): Promise<string> {
  const result = await esbuild.build({
    entryPoints: [entry],
    absWorkingDir: root,
    bundle: true,
    format: "esm",
    target: "es2023",
    // Names stay, so that a stack in a guest's console can be read; white space costs nothing in bytecode.
    minifySyntax: true,
    treeShaking: true,
    write: false,
    logLevel: "error",
    plugins: [nativeModules({ ...AGENT_MODULES, ...more })],
  });
  await esbuild.stop();
  return result.outputFiles![0]!.text;
}

/** How a program is linked. */
export interface LinkOptions {
  /** The ES module. */
  module: string;
  /** The binary. */
  output: string;
  /** For C files and bytecode on their way. */
  work: string;
  log: string;
  /** Flags besides the usual ones. */
  flags?: readonly string[];
  /** C files besides the agent's. */
  sources?: readonly string[];
  /** Native modules besides the agent's, by name. */
  modules?: readonly string[];
}

/**
 * Compiles the library of native/preload, which the agent carries, into a C file with its bytes.
 *
 * @returns the file's path
 */
async function carriedLibrary(work: string, log: string): Promise<string> {
  const library = `${work}/arguments.so`;
  const flags = ["-std=gnu17", "-Wall", "-Wextra", "-Werror", "-Os", "-ffreestanding", "-fPIC", "-shared"];
  const link = ["-nostdlib", "-s", "-Wl,--build-id=none", "-Wl,-z,noseparate-code", "-Wl,-z,noexecstack"];
  await run("gcc", [...flags, ...link, "-o", library, `${GUEST}/native/preload/arguments.c`], { log });
  const bytes = await Deno.readFile(library);
  const text = `#include <stdint.h>
const uint32_t arguments_library_size = ${bytes.length};
const uint8_t arguments_library[] = {${bytes.join(",")}};
`;
  await Deno.writeTextFile(`${work}/library.c`, text);
  return `${work}/library.c`;
}

/** Compiles a module to bytecode and links it with the native part into one static program. */
export async function link(
  { module, output, work, log, flags = ["-O2", "-static"], sources: more = [], modules = [] }: LinkOptions,
): Promise<void> {
  const base = await sysroot();
  const libraries = `${base}/${LIBRARIES}`;
  // qjsc is linked to the sysroot's libc, which may be newer than the host's.
  const qjsc = [`${libraries}/ld-linux-x86-64.so.2`, "--library-path", libraries, `${base}/usr/bin/qjsc`];
  await Deno.writeTextFile(`${work}/agent.js`, module);
  const native = ["sys", ...modules].flatMap((name) => ["-M", `${name},${name}`]);
  const qjscArgs = ["-c", "-m", ...native, "-N", "agent_bytecode", "-o", `${work}/agent.c`, "agent.js"];
  await run(qjsc[0]!, [...qjsc.slice(1), ...qjscArgs], { log, cwd: work });
  const sources = [await carriedLibrary(work, log), ...more];
  for await (const entry of Deno.readDir(`${GUEST}/native`)) {
    if (entry.name.endsWith(".c")) sources.push(`${GUEST}/native/${entry.name}`);
  }
  const include = [
    `-I${GUEST}/native`,
    "-isystem",
    `${base}/usr/include/quickjs`,
    "-isystem",
    `${base}/usr/include/x86_64-linux-gnu`,
  ];
  const gcc = [
    "-std=gnu17",
    "-Wall",
    "-Wextra",
    "-Werror",
    `--sysroot=${base}`,
    `-B${libraries}`,
    `-L${libraries}`,
  ];
  const inputs = [...sources.sort(), `${work}/agent.c`, `${libraries}/quickjs/libquickjs.a`];
  await run("gcc", [...gcc, ...flags, ...include, "-o", output, ...inputs, "-lm", "-lpthread"], { log });
}

/**
 * Builds the agent unless nothing changed.
 *
 * @returns the path of the static binary
 * @throws KuasarError with the compiler's last lines
 */
export async function buildAgent(): Promise<string> {
  const module = await bundle(`${GUEST}/main.ts`);
  const dir = await step({
    name: "agent",
    output: "guest",
    inputs: [{ text: module }, { path: `${GUEST}/native` }, { path: `${GUEST}/build.ts` }],
    run: async ({ out, log, say }) => {
      await needCommands({ gcc: "build-essential", strip: "binutils" }, log, say);
      const work = `${out}/work`;
      await Deno.mkdir(work);
      await link({ module, output: `${out}/agent`, work, log });
      await run("strip", [`${out}/agent`], { log });
      await Deno.remove(work, { recursive: true });
      // One program, several names: it looks at the one that it was started under.
      await Deno.symlink("agent", `${out}/kuasar-task`);
    },
  });
  return `${dir}/agent`;
}

if (import.meta.main) console.log(await buildAgent());
