import { capture } from "../lib/build/mod.ts";
import type { Entry } from "./entry.ts";

/** Lays entries out below `dir`, for programs that take a directory. Entries stand in order of their paths. */
export async function writeTree(entries: readonly Entry[], dir: string): Promise<void> {
  await Deno.mkdir(dir, { recursive: true });
  for (const entry of entries) {
    const path = `${dir}/${entry.path}`;
    switch (entry.kind) {
      case "directory":
        await Deno.mkdir(path, { recursive: true });
        break;
      case "file":
        await Deno.writeFile(path, entry.content);
        break;
      case "link":
        await Deno.symlink(entry.target, path);
        continue;
      case "device":
        await capture("mknod", [path, "c", String(entry.major), String(entry.minor)]);
        break;
    }
    await Deno.chmod(path, entry.mode);
  }
}
