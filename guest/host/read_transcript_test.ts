import { deepStrictEqual } from "node:assert/strict";
import fc from "fast-check";
import { encodeHeader, FRAME_TYPE } from "../../lib/ttrpc/mod.ts";
import { readTranscript } from "./read_transcript.ts";
import { FrameBounds } from "./frame_bounds.ts";

function frame(streamId: number, type: number, body: readonly number[] = []): number[] {
  return [...encodeHeader(body.length, streamId, type, 0), ...body];
}

const begin = (id: number, ...body: number[]) => frame(id, FRAME_TYPE.request, body);
const end = (id: number) => frame(id, FRAME_TYPE.response);
const read = (...parts: number[][]) => readTranscript(Uint8Array.from(parts.flat()));

Deno.test("a transcript tells which calls are open and how far the connection has come", () => {
  deepStrictEqual(read(), { lastStreamId: 0, open: [] });
  deepStrictEqual(read(begin(1, 7), begin(3, 8, 9), end(1), begin(5), end(5)), {
    lastStreamId: 5,
    open: [{ streamId: 3, body: Uint8Array.of(8, 9) }],
  });
  // As it is written anew.
  deepStrictEqual(read(end(9), begin(3, 1)).lastStreamId, 9);
});

Deno.test("a transcript that is cut off loses its last entry only", () => {
  const whole = [...begin(1, 1, 2, 3), ...end(1), ...begin(3, 4, 5)];
  for (let length = 0; length <= whole.length; length++) {
    const { open } = readTranscript(Uint8Array.from(whole.slice(0, length)));
    const wanted = length < 13 ? [] : length < 23 ? [1] : length < 35 ? [] : [3];
    deepStrictEqual(open.map(({ streamId }) => streamId), wanted, String(length));
  }
});

Deno.test("the ends of frames are found however the bytes are cut", () => {
  const sizes = fc.array(fc.nat(40), { maxLength: 8 });
  fc.assert(
    fc.property(sizes, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (bodies, cuts) => {
      const bytes = Uint8Array.from(bodies.flatMap((size, i) => frame(2 * i + 1, 1, Array(size).fill(0))));
      const ends = new Set<number>();
      for (let at = 0, i = 0; i < bodies.length; i++) ends.add(at += 10 + bodies[i]!);
      const bounds = new FrameBounds();
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const next = Math.min(at + cuts[i % cuts.length]!, bytes.length);
        deepStrictEqual(bounds.push(bytes.subarray(at, next)), ends.has(next));
        at = next;
      }
    }),
  );
});
