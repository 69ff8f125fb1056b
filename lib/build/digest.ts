import { createHash } from "node:crypto";

/** What a build step depends on: a text as it is, or the content of a file or of a directory's files. */
export type Input = { text: string } | { path: string };

async function* filesBelow(path: string): AsyncGenerator<string> {
  const info = await Deno.lstat(path);
  if (!info.isDirectory) {
    yield path;
    return;
  }
  const names: string[] = [];
  for await (const entry of Deno.readDir(path)) names.push(entry.name);
  for (const name of names.sort()) yield* filesBelow(`${path}/${name}`);
}

/**
 * A digest over all inputs, in their order: the texts, and each file's relative name and content.
 *
 * @returns 64 hex digits
 * @throws Deno.errors.NotFound where a path does not exist
 */
export async function digest(inputs: readonly Input[]): Promise<string> {
  const hash = createHash("sha256");
  for (const input of inputs) {
    if ("text" in input) {
      hash.update(`text ${input.text.length}\n${input.text}`);
      continue;
    }
    for await (const file of filesBelow(input.path)) {
      const content = await Deno.readFile(file);
      hash.update(`file ${file.slice(input.path.length)} ${content.length}\n`);
      hash.update(content);
    }
  }
  return hash.digest("hex");
}
