import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { openStore } from "./mod.ts";

function inDirectory(test: (directory: string) => void): () => void {
  return () => {
    const directory = Deno.makeTempDirSync();
    try {
      test(directory);
    } finally {
      Deno.removeSync(directory, { recursive: true });
    }
  };
}

Deno.test(
  "documents survive a reopening and later migrations",
  inDirectory((directory) => {
    const path = `${directory}/service/state.db`;
    const first = openStore(path, ["CREATE TABLE a (x INTEGER)"]);
    const pods = first.table<{ state: string }>("pods");
    pods.put("b", { state: "made" });
    pods.put("b", { state: "ready" });
    strictEqual(pods.insert("b", { state: "no" }), false);
    strictEqual(pods.insert("a", { state: "yes" }), true);
    first.close();
    first.close();
    strictEqual(Deno.statSync(path).mode! & 0o777, 0o600);

    const second = openStore(path, ["CREATE TABLE a (x INTEGER)", "INSERT INTO a VALUES (5)"]);
    deepStrictEqual(second.table("pods").entries(), [["a", { state: "yes" }], ["b", { state: "ready" }]]);
    deepStrictEqual(second.get("SELECT x FROM a")?.x, 5);
    strictEqual(second.table("pods").delete("a"), true);
    strictEqual(second.table("pods").delete("a"), false);
    deepStrictEqual(second.table("pods").ids(), ["b"]);
    second.close();
    throws(() => openStore(path, []), { code: "FAILED_PRECONDITION" });
  }),
);

Deno.test(
  "a transaction that throws leaves nothing",
  inDirectory((directory) => {
    const store = openStore(`${directory}/state.db`, []);
    const table = store.table<number>("numbers");
    throws(() =>
      store.transaction(() => {
        table.put("one", 1);
        store.transaction(() => table.put("two", 2));
        throw new Error("no");
      }), /no/);
    deepStrictEqual(table.ids(), []);
    store.close();
  }),
);

Deno.test(
  "a strange table name is refused",
  inDirectory((directory) => {
    const store = openStore(`${directory}/state.db`, []);
    throws(() => store.table("x; DROP TABLE y"), { code: "INVALID_ARGUMENT" });
    store.close();
  }),
);
