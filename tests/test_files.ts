import { root } from "./root.ts";

/** What a test needs, and with it the stage of `deno task test` that runs it. */
export type TestKind = "unit" | "vm" | "e2e" | "parity" | "systemd" | "host";

/** Not ours, or made by the set-up. */
const SKIPPED = new Set(["build", "node_modules"]);

/** Folders whose tests are of a kind; every other test is a unit test, so that no file is left out by being new. */
const FOLDERS: readonly (readonly [folder: string, kind: TestKind])[] = [
  ["tests/conformance/", "vm"],
  ["tests/guest/", "vm"],
  ["tests/cgroup2/", "vm"],
  ["tests/standins/", "vm"],
  ["tests/e2e/", "e2e"],
  ["tests/parity/", "parity"],
  ["tests/systemd/", "systemd"],
  ["tests/host/", "host"],
  ["tests/package/", "systemd"],
];

/** Every test file of the checkout, as paths below its root, in order. */
export function testFiles(folder = ""): string[] {
  const entries = [...Deno.readDirSync(`${root}/${folder}`)].sort((a, b) => a.name < b.name ? -1 : 1);
  return entries.flatMap(({ name, isDirectory }) => {
    if (isDirectory) {
      return SKIPPED.has(name) || name.startsWith(".") ? [] : testFiles(`${folder}${name}/`);
    }
    return name.endsWith("_test.ts") ? [`${folder}${name}`] : [];
  });
}

/** What kind of test is in a file. */
export function kindOf(file: string): TestKind {
  return FOLDERS.find(([folder]) => file.startsWith(folder))?.[1] ?? "unit";
}

/** The files of a kind. */
export function testsOf(files: readonly string[], kind: TestKind): string[] {
  return files.filter((file) => kindOf(file) === kind);
}
