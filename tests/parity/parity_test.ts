/** The same cases under stock runc and under each kind, on one node: what differs is in the cases, with its reason. */
import { strictEqual } from "node:assert/strict";
import { Node, PAUSE_REF, pauseImage } from "../harness/mod.ts";
import { importArchive, programsFor } from "../e2e/fixture.ts";
import { AREAS } from "./areas.ts";
import { Field } from "./field.ts";
import { PARITY_IMAGE, parityImage } from "./image.ts";
import { KIND_NAMES, KINDS, REFEREE } from "./kinds.ts";
import { faultsOf } from "./verdict.ts";

/** Fewer kinds, and areas, by hand: `KUASAR_PARITY_KINDS=gvisor,qemu KUASAR_PARITY_AREAS=files`. */
const kinds = chosen("KUASAR_PARITY_KINDS", KIND_NAMES);
const areas = chosen("KUASAR_PARITY_AREAS", AREAS.map(({ name }) => name));

function chosen<T extends string>(variable: string, all: readonly T[]): readonly T[] {
  const names = Deno.env.get(variable)?.split(",");
  return names === undefined ? all : all.filter((name) => names.includes(name));
}

let node: Node | undefined;
let fields: readonly Field[] = [];

Deno.test.beforeAll(async () => {
  node = await Node.start({
    handler: KINDS.runc,
    drivers: [...kinds],
    programs: await programsFor(KINDS.runc),
    pauseImage: PAUSE_REF,
  });
  await importArchive(node, await pauseImage());
  await importArchive(node, await parityImage());
  const handlers = [REFEREE, ...kinds.map((kind) => KINDS[kind])];
  fields = handlers.map((handler) => new Field(node!, PARITY_IMAGE, handler));
});

Deno.test.afterAll(async () => await node?.stop());

for (const area of AREAS.filter(({ name }) => areas.includes(name))) {
  Deno.test({
    name: `${area.name}: ${kinds.join(", ")} show what stock runc shows`,
    // The node outlives the test.
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      try {
        // One after the other: cases that fill a machine would be told of the others'.
        const runs = [];
        for (const field of fields) runs.push(await field.run(area));
        const [referee, ...ours] = runs;
        const faults = kinds.flatMap((kind, index) => faultsOf(area, kind, ours[index]!, referee!));
        strictEqual(faults.join("\n"), "");
      } catch (error) {
        if (Deno.env.has("KUASAR_PARITY_LOG")) console.error(node!.logTail(200).join("\n"));
        throw error;
      }
    },
  });
}
