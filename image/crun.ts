import { capture, type DebianPackage, fetchPackages, unpackPackages } from "../lib/build/mod.ts";
import type { Entry } from "./entry.ts";

const LIBRARIES = "usr/lib/x86_64-linux-gnu";
const LOADER = "/lib64/ld-linux-x86-64.so.2";

/** "crun 1.21-1" for the package that holds `file`, a path below the directory that the packages were unpacked to. */
async function originOf(file: string, packages: readonly DebianPackage[]): Promise<string> {
  for (const item of packages) {
    const listing = await capture("dpkg-deb", ["-c", item.file]);
    if (
      listing.includes(`/${file.split("/").at(-1)}\n`) || listing.includes(`/${file.split("/").at(-1)} -> `)
    ) {
      return `${item.name} ${item.version}`;
    }
  }
  return "debian";
}

/**
 * crun and the shared libraries that it loads, as Debian's packages have them.
 *
 * The list of libraries is what the packages' own loader would map, not the whole dependency closure.
 *
 * @param work a directory for the unpacked packages
 */
export async function crunEntries(work: string, log: string): Promise<Entry[]> {
  const packages = await fetchPackages("trixie", ["crun"], { closure: true, log });
  await unpackPackages(packages, work, log);
  const loader = `${work}${LOADER}`;
  const listed = await capture(loader, [
    "--library-path",
    `${work}/${LIBRARIES}`,
    "--list",
    `${work}/usr/bin/crun`,
  ]);
  const libraries = [...listed.matchAll(/=> (\S+) \(/g)].map((match) => match[1]!).filter((path) =>
    path.startsWith(work) && !path.endsWith(LOADER.slice(LOADER.lastIndexOf("/")))
  );
  const entries: Entry[] = [];
  const add = async (path: string, from: string) => {
    const real = (await Deno.realPath(from)).slice((await Deno.realPath(work)).length + 1);
    entries.push({
      kind: "file",
      path,
      mode: 0o755,
      content: await Deno.readFile(from),
      origin: await originOf(real, packages),
    });
  };
  await add("usr/bin/crun", `${work}/usr/bin/crun`);
  await add(`usr${LOADER}`, loader);
  for (const path of libraries) await add(`usr/lib/${path.split("/").at(-1)}`, path);
  return entries;
}
