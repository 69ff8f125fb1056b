import {
  capture,
  type DebianPackage,
  fetchPackages,
  needCommands,
  root,
  step,
  type StepContext,
  type Suite,
  unpackPackages,
} from "../../lib/build/mod.ts";
import { bindProgram, forgetLibraryPath, isDynamic, librariesOf, LOADER } from "../host/elf_patch.ts";
import { type Tool, TOOLS } from "../host/tools.ts";
import { type DebianOrigin, originOf } from "./debian_origin.ts";

/** Where the programs are on the hosts that they are packed for. */
export const PROGRAMS_PREFIX = "/usr/lib/kuasar/programs";

/** What a Debian that we promise to run on lacks, or has too old. Not QEMU and erofs-utils: its own will do. */
const SHIPPED = [
  "virtiofsd",
  "vhostDeviceVsock",
  "crun",
  "criu",
  "runsc",
  "wasmedge",
  "containerd",
  "ctr",
] as const;
export type ShippedProgram = typeof SHIPPED[number];

/** Programs that others of {@link SHIPPED} call. */
const COMPANIONS = ["usr/bin/containerd-shim-runc-v2"];

/** The library by which crun calls CRIU: it is loaded when that is wanted. */
const LOADED_LATER = { package: "libcriu2", path: "usr/lib/x86_64-linux-gnu/libcriu.so.2" };

/** Go programs need no more than an old libc and dislike being rewritten. */
const UNBOUND = ["usr/bin/containerd", "usr/bin/ctr", ...COMPANIONS];

/** The tree that is shipped, below `build/`. */
export interface ShippedPrograms {
  /** What is to be at {@link PROGRAMS_PREFIX}. */
  tree: string;
  /** The licence of each package, `<package>`. */
  licences: string;
  packages: DebianOrigin[];
}

/** Where a shipped program is on the host. */
export function shippedPath(key: ShippedProgram): string {
  return `${PROGRAMS_PREFIX}/bin/${baseName(tool(key).path)}`;
}

function tool(key: ShippedProgram): Tool {
  return TOOLS.find((known) => known.key === key)!;
}

const baseName = (path: string) => path.slice(path.lastIndexOf("/") + 1);

/**
 * Takes from Debian's packages the programs that are shipped, with the libraries that they load and the licences of all,
 * bound to a loader and libraries at {@link PROGRAMS_PREFIX}.
 */
export async function buildShippedPrograms(): Promise<ShippedPrograms> {
  const dir = await step({
    name: "programs",
    output: "programs",
    inputs: ["package/shipped_programs", "package/debian_origin", "host/elf_patch", "host/tools"].map((
      name,
    ) => ({
      path: `${root}/deploy/${name}.ts`,
    })),
    run: build,
  });
  const packages: DebianOrigin[] = JSON.parse(await Deno.readTextFile(`${dir}/packages.json`));
  return { tree: `${dir}/tree`, licences: `${dir}/licences`, packages };
}

async function build({ out, log, say }: StepContext): Promise<void> {
  await needCommands({ "dpkg-deb": "dpkg", tar: "tar" }, log, say);
  const tools = SHIPPED.map(tool);
  const of = (suite: Suite) => tools.filter((item) => item.suite === suite).map((item) => item.package);
  const base = await fetchPackages("trixie", [...of("trixie"), LOADED_LATER.package, "patchelf"], {
    closure: true,
    log,
  });
  const newer = await fetchPackages("forky", [...new Set(of("forky"))], { closure: false, log });
  const [unpacked, tree] = [`${out}/unpacked`, `${out}/tree`];
  await unpackPackages([...base, ...newer], unpacked, log);
  for (const library of tools.flatMap(({ libraries = [] }) => libraries)) {
    await forgetLibraryPath(unpacked, `${unpacked}/${library}`);
  }
  const taken = new Set<string>();
  const take = async (path: string, folder: string) => {
    taken.add(await Deno.realPath(path));
    await Deno.copyFile(path, `${tree}/${folder}/${baseName(path)}`);
  };
  for (const folder of ["bin", "lib"]) await Deno.mkdir(`${tree}/${folder}`, { recursive: true });
  for (const path of [...tools.map(({ path }) => path), ...COMPANIONS]) {
    await take(`${unpacked}/${path}`, "bin");
    if (UNBOUND.includes(path) || !await isDynamic(`${unpacked}/${path}`)) continue;
    for (const library of await librariesOf(unpacked, `${unpacked}/${path}`)) await take(library, "lib");
    await bindProgram(unpacked, `${tree}/bin/${baseName(path)}`, {
      loader: `${PROGRAMS_PREFIX}/lib/${baseName(LOADER)}`,
      libraries: `${PROGRAMS_PREFIX}/lib`,
    });
  }
  const later = `${unpacked}/${LOADED_LATER.path}`;
  for (const library of [later, ...await librariesOf(unpacked, later)]) await take(library, "lib");
  const packages: DebianOrigin[] = [];
  await Deno.mkdir(`${out}/licences`);
  for (const item of [...base, ...newer]) {
    if (!(await filesOf(item)).some((path) => taken.has(`${unpacked}/${path}`))) continue;
    packages.push(await originOf(item));
    await Deno.copyFile(`${unpacked}/usr/share/doc/${item.name}/copyright`, `${out}/licences/${item.name}`);
  }
  await Deno.writeTextFile(`${out}/packages.json`, JSON.stringify(packages, null, 1) + "\n");
  await Deno.remove(unpacked, { recursive: true });
}

/** The paths of a package's files, as they are where /lib is a link into /usr. */
async function filesOf({ file }: DebianPackage): Promise<string[]> {
  const listed = await capture("dpkg-deb", ["--contents", file]);
  return [...listed.matchAll(/ \.\/(\S+)(?: -> .*)?$/gm)].map(([, path]) =>
    path!.replace(/^(bin|sbin|lib|lib64)\//, "usr/$1/")
  );
}
