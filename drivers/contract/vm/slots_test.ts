import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { type Slot, SlotTable } from "./slots.ts";

const THREE: Slot[] = [1, 2, 3].map((n) => ({ bus: "b", addr: `0x${n}` }));

Deno.test("slots are given in order, run out and come back", () => {
  const table = new SlotTable(THREE);
  deepStrictEqual(["a", "b", "c"].map((serial) => table.take(serial)), THREE);
  throws(() => table.take("d"), { code: "RESOURCE_EXHAUSTED" });
  table.free("b");
  table.free("b");
  deepStrictEqual(table.take("d"), THREE[1]);
});

Deno.test("a lost disk keeps its slot and is not counted as plugged in", () => {
  const table = new SlotTable(THREE.slice(0, 1));
  table.take("a");
  table.lose("a");
  ok(!table.has("a"));
  ok(table.mayHave("a"));
  throws(() => table.take("b"), { code: "RESOURCE_EXHAUSTED" });
  table.free("a");
  table.take("b");
});

Deno.test("a disk is found in its slot however the number is written", () => {
  const table = new SlotTable(THREE);
  ok(table.put("a", { bus: "b", addr: "0x3" }));
  ok(table.put("b", { bus: "b", addr: "1" }));
  ok(!table.put("c", { bus: "b", addr: "0x4" }));
  ok(!table.put("c", { bus: "other", addr: "0x1" }));
  deepStrictEqual(table.serials().sort(), ["a", "b"]);
  deepStrictEqual(table.take("c"), { bus: "b", addr: "0x2" });
});

Deno.test("no slot is ever given twice, whatever comes and goes", () => {
  const step = fc.record({
    what: fc.constantFrom("take", "free", "lose"),
    serial: fc.integer({ min: 0, max: 5 }),
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const table = new SlotTable(THREE);
    const model = new Map<string, string>();
    for (const { what, serial: n } of steps) {
      const serial = `s${n}`;
      if (what === "free") {
        table.free(serial);
        model.delete(serial);
      } else if (what === "lose") table.lose(serial);
      else if (!table.mayHave(serial)) {
        if (model.size === THREE.length) throws(() => table.take(serial), { code: "RESOURCE_EXHAUSTED" });
        else model.set(serial, table.take(serial).addr);
      }
      strictEqual(new Set(model.values()).size, model.size);
      deepStrictEqual(table.serials().sort(), [...model.keys()].sort());
    }
  }));
});
