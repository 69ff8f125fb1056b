import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { DiskTable } from "./disk_table.ts";

const SLOTS = [{ bus: "rp0", addr: "0x0" }, { bus: "rp1", addr: "0x0" }];

async function withFile(run: (path: string) => void): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    run(`${dir}/disks.json`);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("the next process knows every disk that may be there, and no other", () =>
  withFile((path) => {
    const first = DiskTable.create(path, SLOTS);
    first.take("a");
    first.take("b");
    first.free("a");
    first.lose("b");
    const second = DiskTable.load(path);
    deepStrictEqual([second.slotOf("a"), second.slotOf("b")], [undefined, SLOTS[1]]);
    deepStrictEqual(second.take("c"), SLOTS[0]);
    throws(() => second.take("d"), { code: "RESOURCE_EXHAUSTED" });
    // Nothing half written is ever read.
    deepStrictEqual([...Deno.readDirSync(path.slice(0, path.lastIndexOf("/")))].map(({ name }) => name), [
      "disks.json",
    ]);
  }));

Deno.test("a disk that was lost on its way out keeps its place and counts as gone", () =>
  withFile((path) => {
    const table = DiskTable.create(path, SLOTS);
    table.take("a");
    strictEqual(table.has("a"), true);
    table.lose("a");
    strictEqual(table.has("a"), false);
    deepStrictEqual(table.slotOf("a"), SLOTS[0]);
  }));
