import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { mount, unmount } from "../libc/mod.ts";
import { captureLog } from "../log/mod.ts";
import { openStore } from "./mod.ts";

/** Runs with a state of two documents that nobody has closed properly. */
function withState(test: (path: string, log: string[]) => void): () => void {
  return () => {
    const directory = Deno.makeTempDirSync();
    const log: string[] = [];
    const silence = captureLog((line) => log.push(line));
    try {
      const path = `${directory}/state.db`;
      const store = openStore(path, ["CREATE TABLE plain (x INTEGER)"]);
      store.table("pods").put("a", 1);
      store.run("INSERT INTO plain VALUES (?)", 7);
      store.transaction(() => store.table("pods").put("b", 2));
      throws(() =>
        store.transaction(() => {
          store.table("pods").put("c", 3);
          throw new Error("no");
        })
      );
      store.close();
      test(path, log);
    } finally {
      silence();
      Deno.removeSync(directory, { recursive: true });
    }
  };
}

/** Opens it again and looks whether everything is there. */
function mustBeWhole(path: string): void {
  const store = openStore(path, ["CREATE TABLE plain (x INTEGER)"]);
  deepStrictEqual(store.table("pods").entries(), [["a", 1], ["b", 2]]);
  strictEqual(store.get("SELECT x FROM plain")?.x, 7);
  store.close();
}

const asides = (path: string) =>
  [...Deno.readDirSync(path.slice(0, path.lastIndexOf("/")))].filter(({ name }) =>
    /^state\.db\.broken-\d{4}-\d\d-\d\dT/.test(name)
  ).length;

function overwrite(path: string, from: number, to: number): void {
  const bytes = Deno.readFileSync(path);
  bytes.fill(0x55, from, to);
  Deno.writeFileSync(path, bytes);
}

for (
  const [what, damage] of [
    ["garbage at its beginning", (path: string) => overwrite(path, 0, 4096)],
    ["garbage in its middle", (path: string) => overwrite(path, 4096, 16384)],
    ["that is cut off", (path: string) => Deno.truncateSync(path, 1000)],
  ] as const
) {
  Deno.test(
    `a file with ${what} is put aside with its date, and the state taken from the copy, loudly`.replace(
      "with that",
      "that",
    ),
    withState((path, log) => {
      damage(path);
      mustBeWhole(path);
      strictEqual(asides(path), 1);
      ok(
        log.some((line) => line.includes("level=error") && line.includes("taken from its copy")),
        log.join(""),
      );
      // Again, and many times: it does not pile up.
      for (let i = 0; i < 5; i++) {
        damage(path);
        mustBeWhole(path);
      }
      ok(asides(path) <= 3, String(asides(path)));
    }),
  );
}

Deno.test(
  "a file of no length is no new node's",
  withState((path) => {
    Deno.truncateSync(path, 0);
    mustBeWhole(path);
  }),
);

Deno.test(
  "a lost file is taken from its copy; where that is lost too, it is told from a new node's",
  withState((path, log) => {
    strictEqual(log.length, 0, log.join(""));
    Deno.removeSync(path);
    mustBeWhole(path);
    ok(log.some((line) => line.includes("was lost")));
    log.length = 0;
    Deno.removeSync(path);
    Deno.removeSync(`${path}-copy`);
    Deno.mkdirSync(path.replace("state.db", "sandbox-1"));
    openStore(path, []).close();
    ok(log.some((line) => line.includes("was lost")));
  }),
);

Deno.test(
  "where the copy is damaged too, the state begins empty and says so",
  withState((path, log) => {
    overwrite(path, 0, 4096);
    overwrite(`${path}-copy`, 0, 4096);
    const store = openStore(path, []);
    deepStrictEqual(store.table("pods").ids(), []);
    store.close();
    strictEqual(asides(path), 2);
    ok(log.some((line) => line.includes("begins empty")));
  }),
);

Deno.test(
  "nobody gets a lock while a service has its state open, and somebody's lock at its start is told as that",
  withState((path) => {
    const store = openStore(path, ["CREATE TABLE plain (x INTEGER)"]);
    const other = new DatabaseSync(path, { timeout: 0 });
    throws(() => other.exec("BEGIN IMMEDIATE"), /locked/);
    store.table("pods").put("a", 1);
    store.close();
    other.exec("BEGIN IMMEDIATE");
    throws(() => openStore(path, []), { code: "UNAVAILABLE", message: /another process/ });
    other.close();
    mustBeWhole(path);
  }),
);

const isRoot = Deno.uid() === 0;
if (!isRoot) console.log("a full disk is not tested: only root can mount one");
Deno.test({
  name: "on a disk that has filled up what is there can still be changed and removed",
  ignore: !isRoot,
  fn() {
    const directory = Deno.makeTempDirSync();
    const silence = captureLog(() => {});
    mount({ source: "tmpfs", target: directory, type: "tmpfs", data: "size=1m" });
    try {
      const path = `${directory}/state.db`;
      let store = openStore(path, []);
      const pods = store.table<{ state: string; text: string }>("pods");
      const text = "x".repeat(2000);
      for (let i = 0; i < 20; i++) pods.put(`pod${i}`, { state: "ready", text });
      throws(() => Deno.writeFileSync(`${directory}/rest`, new Uint8Array(2 << 20)));
      const drain = () => {
        for (let i = 0; i < 20; i++) {
          for (const state of ["stopping", "stopped", "removing"]) pods.put(`pod${i}`, { state, text });
        }
      };
      drain();
      throws(() => pods.put("new", { state: "created", text: "x".repeat(1 << 20) }), {
        code: "RESOURCE_EXHAUSTED",
      });
      drain();
      strictEqual(pods.ids().length, 20);
      store.close();
      // A start on the full disk.
      store = openStore(path, []);
      for (const id of store.table("pods").ids()) store.table("pods").delete(id);
      deepStrictEqual(store.table("pods").ids(), []);
      store.close();
    } finally {
      unmount(directory, 2);
      Deno.removeSync(directory);
      silence();
    }
  },
});
