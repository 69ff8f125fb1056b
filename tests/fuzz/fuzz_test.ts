import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { ENTRIES } from "./entries.ts";
import { minimised } from "./minimised.ts";
import { runProperty } from "./properties.ts";
import { must, texts } from "./target.ts";

const SEED = 1;
/** A moment of each; `deno task fuzz` takes longer. */
const RUNS = 300;

/** Inputs that once did harm. */
const FOUND: Readonly<Record<string, readonly Uint8Array[]>> = {
  // An empty packet, with two descriptors.
  "native/keeper": [Uint8Array.of(2, 0)],
  // More descriptors than there are numbers.
  "native/greeter": texts("2147483647\0\x009"),
};

for (const { name, run, tryOne } of ENTRIES) {
  Deno.test(`${name} holds for damaged input`, async () => {
    for (const input of FOUND[name] ?? []) strictEqual(await tryOne(input), undefined);
    const { runs, fault } = await run(SEED, { runs: RUNS });
    ok(fault === undefined, `${fault?.what} with ${JSON.stringify([...fault?.input ?? []])}`);
    strictEqual(runs, RUNS);
  });
}

Deno.test("a fault is found, with the smallest input that shows it", async () => {
  const target = {
    name: "no-x",
    samples: texts("a long text without that letter"),
    words: ["x"],
    check: (input: Uint8Array) => must(!input.includes(0x78), "an x"),
  };
  const { fault } = await runProperty(target, SEED, { runs: 10_000 });
  ok(fault?.input.includes(0x78));
  const smallest = await minimised(fault!.input, async (input) => input.includes(0x78), 1000);
  deepStrictEqual([...smallest], [0x78]);
});
