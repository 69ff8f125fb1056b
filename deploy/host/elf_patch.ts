import { capture } from "../../lib/build/mod.ts";
import { KuasarError } from "../../lib/errors/mod.ts";

/** The loader of a tree of Debian's packages, below it. */
export const LOADER = "lib64/ld-linux-x86-64.so.2";
/** Where such a tree has its libraries. */
export const LIBRARIES = "usr/lib/x86_64-linux-gnu";

/** True where the program is linked to a shared libc, so that the loader and its library path matter. */
export async function isDynamic(path: string): Promise<boolean> {
  const head = await Deno.readFile(path);
  return new TextDecoder("latin1").decode(head.subarray(0, 4096)).includes("/ld-linux-x86-64.so.2");
}

/** Runs the tree's own loader: the system's libc may be older than what the tree's programs were linked to. */
function load(tree: string, args: readonly string[]): Promise<string> {
  return capture(`${tree}/${LOADER}`, ["--library-path", `${tree}/${LIBRARIES}`, ...args]);
}

/**
 * The libraries of the tree that a program of it loads, with those that these load, and the loader.
 *
 * @throws KuasarError NOT_FOUND where one is not in the tree
 */
export async function librariesOf(tree: string, program: string): Promise<string[]> {
  const listed = await load(tree, ["--list", program]);
  const found = [...listed.matchAll(/^\s*(\S+) => (\/\S+|not found)/gm)].map(([, name, path]) => {
    if (path!.startsWith(`${tree}/`)) return path!;
    throw new KuasarError("NOT_FOUND", `Cannot ship ${program}: no package of it has ${name}`);
  });
  return [...new Set([...found, `${tree}/${LOADER}`])];
}

/**
 * Makes a program start with a loader and libraries of its own wherever it is run. An RPATH and not a RUNPATH, because it
 * must hold for the libraries' libraries too.
 *
 * @param tree has patchelf
 */
export async function bindProgram(
  tree: string,
  program: string,
  { loader, libraries }: { loader: string; libraries: string },
): Promise<void> {
  const interpreter = ["--set-interpreter", loader];
  await patch(tree, [...interpreter, "--force-rpath", "--set-rpath", libraries, program]);
}

/** Makes a library find others as the program does that loads it. */
export async function forgetLibraryPath(tree: string, library: string): Promise<void> {
  await patch(tree, ["--remove-rpath", library]);
}

async function patch(tree: string, args: readonly string[]): Promise<void> {
  await load(tree, [`${tree}/usr/bin/patchelf`, ...args]);
}
