import { deepStrictEqual } from "node:assert/strict";
import { dirname, join } from "node:path";
import { exists } from "../../lib/files/mod.ts";
import { root } from "../root.ts";

function pages(): string[] {
  const inDocs = ["docs", "docs/decisions"].flatMap((folder) =>
    [...Deno.readDirSync(`${root}/${folder}`)].map(({ name }) => `${folder}/${name}`)
  );
  return ["README.md", "drivers/README.md", ...inDocs.filter((name) => name.endsWith(".md"))];
}

/** Where the links of a page lead, without those to other sites. */
function targets(page: string, text: string): string[] {
  return [...text.matchAll(/\]\(([^)#\s]+)(#[^)]*)?\)/g)].map(([, target]) => target!)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => join(dirname(page), target));
}

Deno.test("every link of a page leads to something", async () => {
  const broken: string[] = [];
  for (const page of pages()) {
    const text = await Deno.readTextFile(`${root}/${page}`);
    broken.push(
      ...targets(page, text).filter((target) => !exists(`${root}/${target}`)).map((to) => `${page}: ${to}`),
    );
  }
  deepStrictEqual(broken, []);
});

Deno.test("the index of the decisions has each of them, once", async () => {
  const folder = "docs/decisions";
  const index = targets(`${folder}/README.md`, await Deno.readTextFile(`${root}/${folder}/README.md`));
  const others = pages().filter((page) => page.startsWith(`${folder}/`) && !page.endsWith("/README.md"));
  deepStrictEqual(index.sort(), others.sort());
});
