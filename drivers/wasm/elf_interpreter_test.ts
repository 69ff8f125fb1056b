import { match, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { ELF_HEAD_LENGTH, elfInterpreter } from "./elf_interpreter.ts";

async function head(path: string): Promise<Uint8Array> {
  return (await Deno.readFile(path)).subarray(0, ELF_HEAD_LENGTH);
}

Deno.test("the loader of a dynamic program is found", async () => {
  match(elfInterpreter(await head("/bin/sh")) ?? "", /^\/lib.*\/ld-linux-.*\.so\.\d$/);
});

Deno.test("what has none, or is damaged, has none", async () => {
  strictEqual(elfInterpreter(new Uint8Array()), undefined);
  strictEqual(elfInterpreter(new TextEncoder().encode("#!/bin/sh\n".repeat(20))), undefined);
  const shell = await head("/bin/sh");
  fc.assert(fc.property(fc.nat(63), fc.nat(255), fc.nat(4096), (at, byte, length) => {
    const damaged = shell.slice(0, Math.max(64, length));
    damaged[at] = byte;
    elfInterpreter(damaged);
  }));
});
