import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { KuasarError } from "../../lib/errors/mod.ts";
import type { Preparer } from "./prepare.ts";
import type { ContainerRecord } from "./record.ts";
import { Releases } from "./releases.ts";

const RECORD: ContainerRecord = {
  id: "c1",
  sandboxId: "c1",
  namespace: "default",
  bundle: "/b",
  phase: "releasing",
  paths: { stdin: "", stdout: "", stderr: "", terminal: false },
  execs: {},
};

/** Releases whose attempts end as a test says, and what became of the records. */
function releasesOf(attempts: Promise<unknown>[]) {
  const removed: string[] = [];
  const silent = { warn: () => {}, error: () => {} };
  const callShared = () => attempts.shift() ?? Promise.reject(new Error("one attempt too many"));
  const preparer = { callShared } as unknown as Preparer;
  return { removed, releases: new Releases(preparer, { remove: (id) => void removed.push(id) }, silent) };
}

const away = () => Promise.reject(new KuasarError("UNAVAILABLE", "the sandboxer is away"));

Deno.test("the next container of an id waits until all of the one before is released", async () => {
  const second = Promise.withResolvers<void>();
  const { releases, removed } = releasesOf([away(), second.promise]);
  await releases.release(RECORD);
  let settled = false;
  const waiting = releases.settled("c1").then(() => settled = true);
  await releases.settled("c2");
  strictEqual(settled, false);
  deepStrictEqual(removed, []);
  second.resolve();
  await waiting;
  deepStrictEqual(removed, ["c1"]);
});

Deno.test("it does not wait for longer than it may, nor for what is given up", async () => {
  const second = Promise.withResolvers<void>();
  const { releases, removed } = releasesOf([away(), second.promise]);
  await releases.release(RECORD);
  await rejects(releases.settled("c1", 1), { code: "DEADLINE_EXCEEDED" });
  second.reject(new KuasarError("ABORTED", "something is left"));
  await releases.settled("c1");
  deepStrictEqual(removed, []);
});

Deno.test("what an unknown sandbox had is released", async () => {
  const gone = Promise.reject(new KuasarError("NOT_FOUND", "no such sandbox"));
  const { releases, removed } = releasesOf([gone]);
  await releases.release(RECORD);
  deepStrictEqual(removed, ["c1"]);
});
