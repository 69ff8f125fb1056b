import { deepStrictEqual, rejects, strictEqual, throws } from "node:assert/strict";
import { listenHybrid, MAX_READY_BYTES, parseReady } from "./readiness.ts";

async function withDir(test: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await test(dir);
    deepStrictEqual([...Deno.readDirSync(dir)].map((e) => e.name), []);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function send(path: string, ...chunks: (string | Uint8Array)[]): Promise<void> {
  const conn = await Deno.connect({ transport: "unix", path });
  try {
    for (const chunk of chunks) {
      await conn.write(typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk);
    }
    await conn.closeWrite();
  } finally {
    conn.close();
  }
}

Deno.test("a guest's message arrives, split as it may be, and the socket is gone", () =>
  withDir(async (dir) => {
    const path = `${dir}/vm.vsock_1027`;
    const wait = listenHybrid(path);
    strictEqual(Deno.statSync(path).mode! & 0o777, 0o600);
    await send(path, "REA", 'DY {"version":', '"1"}\nmore');
    deepStrictEqual(await wait.ready, { version: "1" });
    wait.close();
  }));

for (
  const [name, bytes] of [
    ["another word", "HELLO {}\n"],
    ["an array", "READY []\n"],
    ["broken JSON", "READY {\n"],
    ["nothing", ""],
    ["a line without end", new Uint8Array(MAX_READY_BYTES + 10).fill(65)],
  ] as const
) {
  Deno.test(`a guest that sends ${name} is refused`, () =>
    withDir(async (dir) => {
      const path = `${dir}/vm.vsock_1027`;
      const wait = listenHybrid(path);
      await send(path, bytes).catch(() => {});
      await rejects(wait.ready, { code: "DATA_LOSS" });
      wait.close();
    }));
}

Deno.test("a wait that is ended fails with CANCELLED", () =>
  withDir(async (dir) => {
    const wait = listenHybrid(`${dir}/vm.vsock_1027`);
    wait.close();
    wait.close();
    await rejects(wait.ready, { code: "CANCELLED" });
  }));

Deno.test("READY takes an object only", () => {
  deepStrictEqual(parseReady('READY {"a":1}\r'), { a: 1 });
  throws(() => parseReady("READY 1"), { code: "DATA_LOSS" });
});
