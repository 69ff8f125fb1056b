import { doesNotThrow, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import wabt from "wabt";
import { checkDeclaredMemory, declaredMemory } from "./declared_memory.ts";

const PAGE = 65_536n;

const from = (bytes: Uint8Array) => (offset: number, length: number) =>
  bytes.subarray(offset, offset + length);

async function declaredBy(text: string): Promise<bigint | undefined> {
  const module = (await wabt()).parseWat("test.wat", text);
  return declaredMemory(from(module.toBinary({}).buffer));
}

Deno.test("a module's memory is what it declares at least", async () => {
  strictEqual(await declaredBy("(module)"), 0n);
  strictEqual(await declaredBy("(module (memory 17))"), 17n * PAGE);
  strictEqual(await declaredBy('(module (func) (memory 300 65536) (data (i32.const 0) "x"))'), 300n * PAGE);
  // Two, one of them with addresses of 64 bits, behind a section that is nobody's.
  const two = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 0, 2, 1, 0x78, 5, 6, 2, 0, 1, 5, 2, 9];
  strictEqual(declaredMemory(from(new Uint8Array(two))), 3n * PAGE);
  strictEqual(
    await declaredBy('(module (import "m" "m" (memory 9)) (memory 1))'),
    PAGE,
    "an imported one is its host's",
  );
});

Deno.test("what is no module is its engine's to tell", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (rest) => {
    const declared = declaredMemory(from(new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...rest])));
    ok(declared === undefined || declared >= 0n);
  }));
});

Deno.test("a module that begins with more than its limit is refused", () => {
  throws(() => checkDeclaredMemory("a.wasm", 3n, 2n), {
    code: "FAILED_PRECONDITION",
    message: /a\.wasm.*3 bytes.*is 2/,
  });
  doesNotThrow(() => checkDeclaredMemory("a.wasm", 2n, 2n));
  doesNotThrow(() => checkDeclaredMemory("a.wasm", 2n, undefined));
  doesNotThrow(() => checkDeclaredMemory("a.wasm", undefined, 1n));
});
