import {
  buildDir,
  capture,
  fetchPackages,
  needCommands,
  root,
  step,
  type StepContext,
  unpackPackages,
} from "../../lib/build/mod.ts";
import { EXTRA_PACKAGES, TOOLS } from "./tools.ts";

const PREFIX = `${buildDir}/host`;
const LOADER = "lib64/ld-linux-x86-64.so.2";
const LIBRARIES = "usr/lib/x86_64-linux-gnu";

/** The libc that everything in the prefix runs on, with its closure. */
const BASE_SUITE = "trixie";

function packagesOf(suite: string): string[] {
  const all = [...TOOLS, ...EXTRA_PACKAGES].filter((item) => item.suite === suite).map((item) =>
    item.package
  );
  return [...new Set(all)].sort();
}

/** True where the program is linked to a shared libc, so that the loader and its library path matter. */
async function isDynamic(path: string): Promise<boolean> {
  const head = await Deno.readFile(path);
  return new TextDecoder("latin1").decode(head.subarray(0, 4096)).includes("/ld-linux-x86-64.so.2");
}

/**
 * Makes a program of the prefix start with the prefix's own loader and libraries: the system's libc may be older
 * than what it was linked to. An RPATH and not a RUNPATH, because it must hold for the libraries' libraries too.
 */
async function bindToPrefix(program: string, built: string): Promise<void> {
  const interpreter = ["--set-interpreter", `${PREFIX}/${LOADER}`];
  await patch(built, [...interpreter, "--force-rpath", "--set-rpath", `${PREFIX}/${LIBRARIES}`, program]);
}

async function patch(built: string, args: readonly string[]): Promise<void> {
  const libraryPath = ["--library-path", `${built}/${LIBRARIES}`];
  await capture(`${built}/${LOADER}`, [...libraryPath, `${built}/usr/bin/patchelf`, ...args]);
}

async function install({ out, log, say }: StepContext): Promise<void> {
  await needCommands({ "dpkg-deb": "dpkg", tar: "tar" }, log, say);
  say(`fetching ${packagesOf(BASE_SUITE).join(", ")} and what they need`);
  const base = await fetchPackages(BASE_SUITE, packagesOf(BASE_SUITE), { closure: true, log });
  say(`fetching ${packagesOf("forky").join(", ")}`);
  const newer = await fetchPackages("forky", packagesOf("forky"), { closure: false, log });
  await unpackPackages([...base, ...newer], out, log);
  for (const path of new Set(TOOLS.map((tool) => tool.path))) {
    // Go programs need no more than an old libc and dislike being rewritten; runc is the one with a library.
    const bindable = !["usr/bin/containerd", "usr/bin/ctr"].includes(path);
    if (bindable && await isDynamic(`${out}/${path}`)) await bindToPrefix(`${out}/${path}`, out);
  }
  // Where QEMU looks for its firmware before /usr/share/qemu: from here on, the prefix is its root.
  await Deno.symlink("../..", `${out}/usr/bin/qemu-bundle`);
  for (const library of TOOLS.flatMap((tool) => tool.libraries ?? [])) {
    await patch(out, ["--remove-rpath", `${out}/${library}`]);
  }
  const versions = Object.fromEntries([...base, ...newer].map((item) => [item.name, item.version]));
  await Deno.writeTextFile(`${out}/versions.json`, JSON.stringify(versions, null, 2) + "\n");
}

/**
 * Fetches every external program into `build/host`, touching nothing outside the checkout.
 *
 * @returns the prefix
 */
export function installHost(): Promise<string> {
  return step({
    name: "host",
    output: "host",
    inputs: [{ text: PREFIX }, { path: `${root}/deploy/host/tools.ts` }, {
      path: `${root}/deploy/host/install.ts`,
    }],
    run: install,
  });
}
