import { posix } from "node:path";
import { KuasarError } from "../../lib/errors/mod.ts";
import type { Process, Spec } from "../../lib/oci/mod.ts";
import { declaredKind } from "./annotations.ts";
import type { ModuleFormat } from "./module_format.ts";

/** A file of a container that may be a module. */
export interface FoundFile {
  /** Its absolute path inside the root file system, with no symbolic link left in it. */
  path: string;
  /** Undefined where it is not WebAssembly. */
  format: ModuleFormat | undefined;
}

/** The module that a container runs. */
export interface Entry {
  /** Absolute, inside the root file system. */
  path: string;
  format: ModuleFormat;
  /** Undefined for `_start`. */
  func: string | undefined;
}

/** Looks a file up in the root file system of a container; undefined where there is no such regular file. */
export type FindFile = (path: string) => FoundFile | undefined;

const WASM_NAME = /\.(wasm|wat)$/;

/**
 * Decides what a container runs: a module by the annotations, by the ending of its entry's name, or by the first bytes of
 * the file. `app.wasm#work` calls the exported function `work`.
 *
 * @returns undefined for an ordinary Linux program
 * @throws {KuasarError} INVALID_ARGUMENT where it is said to be a module and is not, NOT_FOUND where it is missing
 */
export function findEntry(spec: Spec, find: FindFile): Entry | undefined {
  const declared = declaredKind(spec.annotations);
  const { word, name, func } = entryWord(spec);
  const named = WASM_NAME.test(name);
  if (declared === "smart" && !named) return undefined;
  const candidates = pathsOf(name, spec.process ?? {});
  const found = candidates.map(find).find((file) => file !== undefined);
  if (found?.format) return { path: found.path, format: found.format, func };
  if (declared === undefined && !named) return undefined;
  if (!found) {
    throw new KuasarError(
      "NOT_FOUND",
      `Cannot run the module ${JSON.stringify(word)}: the image has no such file`,
    );
  }
  throw new KuasarError(
    "INVALID_ARGUMENT",
    `Cannot run the module ${JSON.stringify(word)}: the file is not WebAssembly in its binary form`,
  );
}

/** The first word of a container's command line: the name of a file, and behind a `#` that of a function. */
export function entryWord({ process }: Spec): { word: string; name: string; func: string | undefined } {
  const word = process?.args?.[0] ?? "";
  const [name = "", func] = word.split("#", 2);
  return { word, name, func: func || undefined };
}

/**
 * Where an entry may be: a bare name in the directories of the container's PATH, as of any program; as a path; or by Kuasar's and
 * runwasi's custom below the root.
 */
function pathsOf(name: string, { cwd = "/", env = [] }: Partial<Pick<Process, "cwd" | "env">>): string[] {
  if (name === "") return [];
  if (name.startsWith("/")) return [posix.normalize(name)];
  const searched = name.includes("/") ? [] : directoriesIn(env).map((dir) => posix.join(dir, name));
  return [...new Set([...searched, posix.join(cwd, name), posix.normalize(`/${name}`)])];
}

/** Those of PATH that are absolute: where others lead is the runtime's own affair. */
function directoriesIn(env: readonly string[]): string[] {
  const path = env.findLast((entry) => entry.startsWith("PATH="))?.slice("PATH=".length) ?? "";
  return path.split(":").filter((dir) => dir.startsWith("/"));
}
