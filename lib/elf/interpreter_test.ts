import { match, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { elfInterpreter, type ReadAt } from "./interpreter.ts";

function of(bytes: Uint8Array): ReadAt {
  return async (offset, length) => bytes.subarray(offset, offset + length);
}

Deno.test("the loader of a dynamic program is found", async () => {
  match(await elfInterpreter(of(await Deno.readFile("/bin/sh"))) ?? "", /^\/lib.*\/ld-linux-.*\.so\.\d$/);
});

Deno.test("a loader is found wherever a file has its name", async () => {
  const shell = await Deno.readFile("/bin/sh");
  const moved = new Uint8Array(shell.length + 1_000_000);
  moved.set(shell);
  const view = new DataView(moved.buffer);
  const [table, size, count] = [
    Number(view.getBigUint64(32, true)),
    view.getUint16(54, true),
    view.getUint16(56, true),
  ];
  const entry = Array.from({ length: count }, (_, index) => table + index * size)
    .find((at) => view.getUint32(at, true) === 3)!;
  const name = new TextEncoder().encode("/another/loader\0");
  moved.set(name, moved.length - name.length);
  view.setBigUint64(entry + 8, BigInt(moved.length - name.length), true);
  view.setBigUint64(entry + 32, BigInt(name.length), true);
  strictEqual(await elfInterpreter(of(moved)), "/another/loader");
});

Deno.test("what has none, or is damaged, has none", async () => {
  strictEqual(await elfInterpreter(of(new Uint8Array())), undefined);
  strictEqual(await elfInterpreter(of(new TextEncoder().encode("#!/bin/sh\n".repeat(20)))), undefined);
  const shell = await Deno.readFile("/bin/sh");
  await fc.assert(fc.asyncProperty(fc.nat(63), fc.nat(255), fc.nat(4096), async (at, byte, length) => {
    const damaged = shell.slice(0, Math.max(64, length));
    damaged[at] = byte;
    await elfInterpreter(of(damaged));
  }));
});
