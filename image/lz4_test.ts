import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { lz4Block, lz4Legacy } from "./lz4.ts";

/** A reader of its own, which also checks what the format asks of a block's end. */
function unpack(block: Uint8Array): Uint8Array {
  const out: number[] = [];
  let at = 0;
  const length = (nibble: number) => {
    if (nibble < 15) return nibble;
    let sum = 15;
    for (;;) {
      const byte = block[at++]!;
      sum += byte;
      if (byte < 255) return sum;
    }
  };
  for (;;) {
    const token = block[at++]!;
    const literals = length(token >> 4);
    for (let i = 0; i < literals; i++) out.push(block[at++]!);
    if (at === block.length) return new Uint8Array(out);
    const offset = block[at]! | (block[at + 1]! << 8);
    at += 2;
    ok(offset > 0 && offset <= out.length, `offset ${offset} at ${out.length}`);
    const copied = length(token & 15) + 4;
    for (let i = 0; i < copied; i++) out.push(out[out.length - offset]!);
    ok(at < block.length, "a block ends with literals");
  }
}

/** Bytes that repeat, near and far: runs, copies of earlier parts, noise. */
const repetitive = fc.array(
  fc.oneof(
    fc.record({ byte: fc.integer({ min: 0, max: 3 }), count: fc.integer({ min: 1, max: 600 }) })
      .map(({ byte, count }) => new Uint8Array(count).fill(byte)),
    fc.uint8Array({ maxLength: 40 }),
    fc.constant(new TextEncoder().encode("the same words again and again, ")),
  ),
  { maxLength: 30 },
).map((parts) => new Uint8Array(parts.flatMap((part) => [...part])));

Deno.test("whatever is packed is unpacked again", () => {
  fc.assert(fc.property(repetitive, (input) => deepStrictEqual(unpack(lz4Block(input)), input)));
});

Deno.test("a copy from farther back than an offset can say is not used", () => {
  const noise = new Uint8Array(70_000).map((_, i) => (Math.imul(i, 2654435761) >>> 13) & 0xff);
  const input = new Uint8Array([...noise.subarray(0, 64), ...noise, ...noise.subarray(0, 64)]);
  deepStrictEqual(unpack(lz4Block(input)), input);
});

Deno.test("what repeats gets small", () => {
  const input = new Uint8Array(100_000);
  ok(lz4Block(input).length < 1_000);
});

Deno.test("lz4(1) of the system reads a frame of several blocks", async () => {
  const has = await new Deno.Command("sh", { args: ["-c", "command -v lz4"], stdout: "null" }).output();
  if (!has.success) return console.log("skipped: no lz4 on this machine");
  const input = new Uint8Array((8 << 20) + 12_345).map((_, i) => (i >> 3) & 0x7f);
  const child = new Deno.Command("lz4", { args: ["-dc"], stdin: "piped", stdout: "piped" }).spawn();
  const output = child.output();
  const writer = child.stdin.getWriter();
  await writer.write(lz4Legacy(input));
  await writer.close();
  const { stdout } = await output;
  strictEqual(stdout.length, input.length);
  ok(stdout.every((byte, i) => byte === input[i]));
});
