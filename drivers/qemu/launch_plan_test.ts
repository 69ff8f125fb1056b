import { ok, strictEqual } from "node:assert/strict";
import { hotplugSlots } from "./launch_plan.ts";

Deno.test("a bridge has 30 places, none of them its own or the resident device's", () => {
  const slots = hotplugSlots({ kind: "bridge" });
  strictEqual(slots.length, 30);
  ok(slots.every(({ bus, addr }) => bus === "hotplug" && !["0x0", "0x1f"].includes(addr)));
});

Deno.test("each root port is a place", () => {
  strictEqual(
    hotplugSlots({ kind: "ports", count: 3 }).map(({ bus, addr }) => bus + addr).join(),
    "rp00x0,rp10x0,rp20x0",
  );
});
