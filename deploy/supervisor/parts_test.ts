import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Backoff, HEALTHY_AFTER_MS, MAX_DELAY_MS } from "./backoff.ts";
import { prefixer, readLines } from "./lines.ts";
import { nodeSet } from "./set.ts";

Deno.test("restarts are fast at first, then slower up to a limit, and fast again after good health", () => {
  const backoff = new Backoff();
  const first = backoff.next(0);
  ok(first <= 20);
  let last = first;
  for (let i = 0; i < 12; i++) {
    const next = backoff.next(0);
    ok(next >= last);
    last = next;
  }
  strictEqual(last, MAX_DELAY_MS);
  strictEqual(backoff.next(HEALTHY_AFTER_MS), first);
});

Deno.test("lines are joined across chunks and long ones are cut", async () => {
  const encode = (text: string) => new TextEncoder().encode(text);
  async function* chunks() {
    yield encode("one\ntw");
    yield encode("o\n" + "x".repeat(20_000));
    yield encode("\nlast");
  }
  const lines: string[] = [];
  await readLines(chunks(), (line) => lines.push(line));
  deepStrictEqual(lines.map((l) => l.length), [3, 3, 20_000, 0, 4]);
});

Deno.test("prefixes are as wide as the longest name", () => {
  strictEqual(prefixer(["a", "long"], false)("a", "hello"), "a    | hello");
});

Deno.test("the set starts containerd last and gives the sandboxer both its sockets", () => {
  const specs = nodeSet({
    root: "/c",
    runDir: "/r",
    agent: "/c/build/guest/agent",
    taskServer: "/c/build/guest/kuasar-task",
    drivers: [{ name: "qemu", folder: "qemu" }],
    virtiofsd: "/v",
    mkfsErofs: "/m",
    containerdTtrpc: "/r/containerd/containerd.sock.ttrpc",
    containerd: {
      command: "/containerd",
      args: [],
      env: {},
      address: "/r/containerd/containerd.sock",
      dir: "/r/containerd",
      stateDir: "/r/containerd/state",
      rootDir: "/r/containerd/root",
    },
  });
  const names = specs.map((s) => s.name);
  deepStrictEqual(names, ["network", "storage", "driver-qemu", "sandboxer", "kuasar-task", "containerd"]);
  deepStrictEqual(specs[3]!.sockets, [
    { name: "sandboxer", path: "/r/sandboxer.sock" },
    { name: "prepare", path: "/r/prepare.sock" },
  ]);
  ok(specs[1]!.args.includes("--virtiofsd"));
  deepStrictEqual([specs[3]!.command, ...specs[3]!.args.slice(0, 4)], [
    "/c/build/guest/agent",
    "kuasar-greeter",
    "sandboxer",
    Deno.execPath(),
    "run",
  ]);
});
