import { match, rejects, strictEqual } from "node:assert/strict";
import { KuasarError } from "../../lib/errors/mod.ts";
import { captureLog } from "../../lib/log/mod.ts";
import { repeat } from "./repeat.ts";

const code = (name: string) => (error: unknown) => (error as { code?: string }).code === name;

Deno.test("a call is repeated after the loss of its peer, not after an answer", async () => {
  const answers: (() => Promise<number>)[] = [
    () => Promise.reject(new KuasarError("UNAVAILABLE", "gone")),
    () => Promise.reject(new KuasarError("UNAVAILABLE", "still gone")),
    () => Promise.resolve(7),
  ];
  let before = 0;
  const next = () => answers.shift()?.() ?? Promise.reject(new Error("too often"));
  strictEqual(await repeat(next, { timeoutMs: 60_000, before: async () => void before++ }), 7);
  strictEqual(before, 2);
  const refuse = () => Promise.reject(new KuasarError("NOT_FOUND", "no"));
  await rejects(repeat(refuse, { timeoutMs: 60_000 }), code("NOT_FOUND"));
  const lost = () => Promise.reject(new KuasarError("UNAVAILABLE", "gone"));
  await rejects(repeat(lost, { timeoutMs: 1 }), code("UNAVAILABLE"));
  const abort = new AbortController();
  const running = repeat(lost, { timeoutMs: 60_000, signal: abort.signal });
  abort.abort(new KuasarError("DEADLINE_EXCEEDED", "over"));
  await rejects(running, code("DEADLINE_EXCEEDED"));
});

Deno.test("a peer that stays away is told of once, with the reason", async () => {
  const lines: string[] = [];
  const quiet = captureLog((line) => lines.push(line));
  try {
    let calls = 0;
    const lost = () =>
      ++calls > 12 ? Promise.resolve() : Promise.reject(new KuasarError("UNAVAILABLE", `gone ${calls}`));
    await repeat(lost, { timeoutMs: 60_000 });
  } finally {
    quiet();
  }
  strictEqual(lines.length, 1, lines.join("\n"));
  match(lines[0]!, /level=warn .*gone 10/);
});
