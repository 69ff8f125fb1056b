import { dirname } from "node:path";
import { exists } from "../../lib/files/mod.ts";

/**
 * The folders from which QEMU reads firmware, option ROMs and modules.
 *
 * @param program path of QEMU
 * @returns those that are there; none where the program cannot be run, which a start tells better
 */
export async function dataFolders(program: string): Promise<string[]> {
  const folders = await listed(program);
  return [...new Set([...folders, ...folders.flatMap(moduleFolders)])].filter(exists);
}

/** As `-L help` prints them: one a line. */
async function listed(program: string): Promise<string[]> {
  try {
    const { stdout } = await new Deno.Command(program, {
      args: ["-L", "help"],
      clearEnv: true,
      stdin: "null",
      stderr: "null",
    }).output();
    return new TextDecoder().decode(stdout).split("\n").filter((line) => line.startsWith("/"));
  } catch {
    return [];
  }
}

/** Distributions put what QEMU loads, as an accelerator, beside its data: `/usr/lib64/qemu` to `/usr/share/qemu`. */
function moduleFolders(dataFolder: string): string[] {
  if (!dataFolder.endsWith("/share/qemu")) return [];
  const prefix = dirname(dirname(dataFolder));
  const arch = Deno.build.arch;
  return ["lib", "lib64", `lib/${arch}-linux-gnu`].map((lib) => `${prefix}/${lib}/qemu`);
}
