import {
  buildDir,
  fetchPackages,
  needCommands,
  root,
  step,
  type StepContext,
  unpackPackages,
} from "../../lib/build/mod.ts";
import { bindProgram, forgetLibraryPath, isDynamic, LIBRARIES, LOADER } from "./elf_patch.ts";
import { EXTRA_PACKAGES, TOOLS } from "./tools.ts";

const PREFIX = `${buildDir}/host`;
/** What every program of the prefix is bound to. */
const OWN_LIBC = { loader: `${PREFIX}/${LOADER}`, libraries: `${PREFIX}/${LIBRARIES}` };

/** The libc that everything in the prefix runs on, with its closure. */
const BASE_SUITE = "trixie";

function packagesOf(suite: string): string[] {
  const all = [...TOOLS, ...EXTRA_PACKAGES].filter((item) => item.suite === suite).map((item) =>
    item.package
  );
  return [...new Set(all)].sort();
}

async function install({ out, log, say }: StepContext): Promise<void> {
  await needCommands({ "dpkg-deb": "dpkg", tar: "tar" }, log, say);
  say(`fetching ${[...packagesOf(BASE_SUITE), ...packagesOf("forky")].join(", ")} and what they need`);
  const [base, newer] = await Promise.all([
    fetchPackages(BASE_SUITE, packagesOf(BASE_SUITE), { closure: true, log }),
    fetchPackages("forky", packagesOf("forky"), { closure: false, log }),
  ]);
  await unpackPackages([...base, ...newer], out, log);
  for (const path of new Set(TOOLS.map((tool) => tool.path))) {
    // Go programs need no more than an old libc and dislike being rewritten; runc is the one with a library.
    const bindable = !["usr/bin/containerd", "usr/bin/ctr"].includes(path);
    if (bindable && await isDynamic(`${out}/${path}`)) await bindProgram(out, `${out}/${path}`, OWN_LIBC);
  }
  // Where QEMU looks for its firmware before /usr/share/qemu: from here on, the prefix is its root.
  await Deno.symlink("../..", `${out}/usr/bin/qemu-bundle`);
  for (const library of TOOLS.flatMap((tool) => tool.libraries ?? [])) {
    await forgetLibraryPath(out, `${out}/${library}`);
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
    inputs: [
      { text: PREFIX },
      ...["tools", "install", "elf_patch"].map((name) => ({ path: `${root}/deploy/host/${name}.ts` })),
    ],
    run: install,
  });
}
