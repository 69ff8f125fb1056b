import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { missingOptions, parseFragment } from "./config_fragments.ts";

Deno.test("a fragment is read with the places of its options", () => {
  const options = parseFragment("x.config", "# why\nCONFIG_A=y\n\n# CONFIG_B is not set\nCONFIG_C=64\n");
  deepStrictEqual(options.map(({ name, value, where }) => [name, value, where]), [
    ["CONFIG_A", "y", "x.config:2"],
    ["CONFIG_B", "n", "x.config:4"],
    ["CONFIG_C", "64", "x.config:5"],
  ]);
});

Deno.test("a line that is no option is refused with its place", () => {
  throws(() => parseFragment("x.config", "CONFIG_A=y\nCONFIG_B = y\n"), /x\.config:2/);
});

Deno.test("options that Kconfig dropped are found", () => {
  const wanted = parseFragment("x.config", "CONFIG_A=y\nCONFIG_B=y\nCONFIG_C=n\nCONFIG_D=7\n");
  const missing = missingOptions(wanted, "CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_D=8\n");
  deepStrictEqual(missing.map((option) => option.name), ["CONFIG_B", "CONFIG_D"]);
});

Deno.test("the fragments of this folder can be read and do not contradict each other", async () => {
  const dir = new URL("config/", import.meta.url);
  const seen = new Map<string, string>();
  for await (const entry of Deno.readDir(dir)) {
    for (
      const { name, value } of parseFragment(entry.name, await Deno.readTextFile(new URL(entry.name, dir)))
    ) {
      strictEqual(seen.get(name) ?? value, value, name);
      seen.set(name, value);
    }
  }
});
