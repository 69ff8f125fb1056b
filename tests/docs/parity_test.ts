import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { AREAS } from "../parity/areas.ts";
import { titleOf } from "../parity/field.ts";
import { parityPage } from "../parity/page.ts";
import { root } from "../root.ts";
import { formatted } from "./formatted.ts";

Deno.test("docs/parity.md is what the cases are: `deno run -A tests/parity/page.ts > docs/parity.md`", async () => {
  strictEqual(await Deno.readTextFile(`${root}/docs/parity.md`), await formatted(parityPage()));
});

Deno.test("every case has a name of its own, and there are at least 150", () => {
  const titles = AREAS.flatMap((area) =>
    area.groups.flatMap((group) => group.cases.map((item) => `${area.name}: ${titleOf(group, item)}`))
  );
  deepStrictEqual(titles, [...new Set(titles)]);
  ok(titles.length >= 150, `${titles.length}`);
});

Deno.test("no kind has two differences in a case, and each has its reason", () => {
  for (const { groups } of AREAS) {
    for (const { cases } of groups) {
      for (const { name, differs = [] } of cases) {
        const kinds = differs.flatMap(({ kinds }) => kinds);
        deepStrictEqual(kinds, [...new Set(kinds)], name);
        for (const { why } of differs) ok(why.length > 10, name);
      }
    }
  }
});
