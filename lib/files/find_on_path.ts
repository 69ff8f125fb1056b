import { isFile } from "./is_file.ts";

/** Where a program is, by the folders of `PATH`; undefined where none of them has it. */
export function findOnPath(program: string): string | undefined {
  return (Deno.env.get("PATH") ?? "").split(":").map((folder) => `${folder}/${program}`).find(isFile);
}
