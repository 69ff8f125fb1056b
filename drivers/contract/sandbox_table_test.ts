import { deepStrictEqual, rejects, strictEqual, throws } from "node:assert/strict";
import { KuasarError } from "../../lib/errors/mod.ts";
import type { SandboxExit } from "./sandbox_exit.ts";
import { SandboxTable } from "./sandbox_table.ts";

class Fake {
  readonly id: string;
  starting: Promise<void> = Promise.resolve();
  readonly #ended = Promise.withResolvers<SandboxExit>();

  constructor(id: string) {
    this.id = id;
  }

  get ended(): Promise<SandboxExit> {
    return this.#ended.promise;
  }

  end(exit: SandboxExit): void {
    this.#ended.resolve(exit);
  }
}

const ANSWER = { pid: 7, guest: undefined, phases: [] };

function call() {
  const cancel = new AbortController();
  return { cancel, context: { cancelled: cancel.signal } as never };
}

Deno.test("a start that fails frees the id, and those who wait learn of the end", async () => {
  const table = new SandboxTable<Fake>([]);
  const gate = Promise.withResolvers<typeof ANSWER>();
  const started = table.start(new Fake("s1"), () => gate.promise);
  throws(() => table.mustBeFree("s1"), { code: "ALREADY_EXISTS" });
  const waited = table.wait("s1", call().context);
  gate.reject(new KuasarError("ABORTED", "no"));
  await rejects(started, { code: "ABORTED" });
  strictEqual((await waited).exitStatus, 255);
  table.mustBeFree("s1");
});

Deno.test("whoever waits may give up; the end is told to all others", async () => {
  const table = new SandboxTable([new Fake("s2"), new Fake("s1")]);
  deepStrictEqual(table.ids(), ["s1", "s2"]);
  const { cancel, context } = call();
  const given = table.wait("s1", context);
  const waited = table.wait("s1", call().context);
  cancel.abort();
  await rejects(given, { code: "CANCELLED" });
  table.get("s1").end({ status: 3, atMs: 1_500, evidence: ["x"] });
  deepStrictEqual(await waited, {
    exitStatus: 3,
    exitedAt: { seconds: 1n, nanos: 500_000_000 },
    evidence: ["x"],
  });
});

Deno.test("a removal takes away what it was asked for, and not who has the id afterwards", async () => {
  const table = new SandboxTable([new Fake("s1")]);
  await table.remove("nobody", () => Promise.reject(new Error("never")));
  await rejects(table.remove("s1", () => Promise.reject(new Error("not yet"))), /not yet/);
  strictEqual(table.get("s1").id, "s1");
  await table.remove("s1", () => Promise.resolve());
  strictEqual(table.find("s1"), undefined);
  throws(() => table.get("s1"), { code: "NOT_FOUND" });
});
