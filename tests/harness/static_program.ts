import { sysroot } from "../../guest/build.ts";
import { root, run, step } from "../../lib/build/mod.ts";

/**
 * Builds a C program of `tests/harness/programs` that needs nothing of where it runs.
 *
 * @param name of its file, without `.c`
 * @returns its path
 */
export async function staticProgram(name: string): Promise<string> {
  const base = await sysroot();
  const libraries = `${base}/usr/lib/x86_64-linux-gnu`;
  const source = `${root}/tests/harness/programs/${name}.c`;
  const flags = [
    ...["-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-O2", "-static"],
    ...[`--sysroot=${base}`, `-B${libraries}`, `-L${libraries}`],
    ...["-isystem", `${base}/usr/include/x86_64-linux-gnu`],
  ];
  const dir = await step({
    name: `program ${name}`,
    output: `programs/${name}`,
    inputs: [{ text: flags.join(" ") }, { path: source }],
    run: ({ out, log }) => run("gcc", [...flags, "-o", `${out}/${name}`, source], { log }),
  });
  return `${dir}/${name}`;
}
