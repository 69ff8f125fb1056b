import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { librariesOf } from "../../lib/elf/mod.ts";
import { exists } from "../../lib/files/mod.ts";
import { GUEST_ROOT, MODULE_DIR } from "./engine_run.ts";
import { ARGUMENTS_LIBRARY } from "./hidden_arguments.ts";

/** Where plugins of the engine are in its root. */
export const PLUGIN_DIR = "/plugins";

/** Directories that containers mount something at. The root is read-only by then. */
const MOUNT_POINTS = [GUEST_ROOT, MODULE_DIR, PLUGIN_DIR, "/proc", "/dev", "/sys", "/etc"];
/** Files of the pod, for an engine that resolves names. */
export const ETC_FILES = ["/etc/hosts", "/etc/resolv.conf", "/etc/hostname"] as const;

/** Changes when the layout does: an old root must not be taken for a new one. */
const LAYOUT = 3;

/** File of a root that names the program which it was made for. */
const PROGRAM_FILE = "/etc/engine";

/** A root file system that holds an engine and nothing else. */
export interface EngineRoot {
  /** The directory. */
  path: string;
  /** The engine's program in it. */
  program: string;
  /** Its loader; undefined for a static program. */
  loader: string | undefined;
  /** Where the loader finds libraries. */
  libraryPath: string;
}

/**
 * Makes the root file system in which an engine runs: the program, its loader and its libraries at the paths that they have
 * on the host, and mount points. A container's own files are only ever below {@link GUEST_ROOT} in it, so no image can
 * bring a library that the engine would load.
 *
 * Files are linked where that is possible, so that it costs no space; it is made once and shared by all containers,
 * read-only.
 *
 * @param folder where roots are kept
 * @param argumentsLibrary gives the library that hides arguments, for a program with this loader
 * @throws {KuasarError} FAILED_PRECONDITION where the program or a library of it is missing
 */
export async function makeEngineRoot(
  program: string,
  folder: string,
  argumentsLibrary: (loader: string | undefined) => Promise<Uint8Array>,
): Promise<EngineRoot> {
  const { loader, libraries } = await librariesOf(program);
  const library = await argumentsLibrary(loader);
  const files = [...new Set([program, ...loader === undefined ? [] : [loader], ...libraries])];
  const key = createHash("sha256").update(`${LAYOUT}\n`).update(library);
  for (const file of files) {
    const { size, mtime, ino } = await Deno.stat(file);
    key.update(`${file} ${size} ${mtime?.getTime()} ${ino}\n`);
  }
  const path = `${folder}/${key.digest("hex").slice(0, 32)}`;
  const made = { path, program, loader, libraryPath: [...new Set(libraries.map(dirname))].join(":") };
  if (exists(path)) return made;
  const fresh = `${path}.${Deno.pid}`;
  await Deno.remove(fresh, { recursive: true }).catch(() => {});
  for (const point of MOUNT_POINTS) await Deno.mkdir(fresh + point, { recursive: true, mode: 0o755 });
  for (const file of ETC_FILES) await Deno.writeTextFile(fresh + file, "");
  await Deno.writeTextFile(fresh + PROGRAM_FILE, program);
  await Deno.writeFile(fresh + ARGUMENTS_LIBRARY, library, { mode: 0o644 });
  for (const file of files) await place(file, fresh + file);
  await Deno.rename(fresh, path).catch(async (error) => {
    // Another driver process was as fast.
    await Deno.remove(fresh, { recursive: true });
    if (!exists(path)) throw error;
  });
  return made;
}

/** A link where both are on one file system, else a copy. */
async function place(from: string, to: string): Promise<void> {
  await Deno.mkdir(dirname(to), { recursive: true, mode: 0o755 });
  const real = await Deno.realPath(from);
  await Deno.link(real, to).catch(() => Deno.copyFile(real, to));
}

/**
 * Removes the roots of earlier versions of a program, but for those that a container uses.
 *
 * @param driverDir directory of the driver, with the bundles of its containers
 */
export async function removeOldRoots({ path, program }: EngineRoot, driverDir: string): Promise<void> {
  const folder = dirname(path);
  for (const { name } of Deno.readDirSync(folder)) {
    const root = `${folder}/${name}`;
    const owner = await Deno.readTextFile(root + PROGRAM_FILE).catch(() => undefined);
    if (root !== path && owner === program && !await isUsed(root, driverDir)) {
      await Deno.remove(root, { recursive: true });
    }
  }
}

async function isUsed(root: string, driverDir: string): Promise<boolean> {
  for (const sandbox of entries(driverDir)) {
    for (const container of entries(`${driverDir}/${sandbox}/containers`)) {
      const bundle = `${driverDir}/${sandbox}/containers/${container}`;
      const spec = await Deno.readTextFile(`${bundle}/config.json`).catch(() => "");
      if (spec.includes(root)) return true;
    }
  }
  return false;
}

function entries(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch {
    return [];
  }
}
