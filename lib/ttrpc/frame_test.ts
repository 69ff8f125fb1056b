import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { encodeHeader, type Frame, HEADER_BYTES, MAX_BODY_BYTES } from "./frame.ts";
import { FrameBudget } from "./frame_budget.ts";
import { FrameReader } from "./frame_reader.ts";
import { FrameWriter, gather } from "./frame_writer.ts";
import { chunksOf, concat, streamOf, streamPair } from "./testing/stream_pair.ts";

const frames = fc.array(
  fc.record({
    streamId: fc.integer({ min: 0, max: 0xffff_ffff }),
    type: fc.integer({ min: 0, max: 255 }),
    flags: fc.integer({ min: 0, max: 255 }),
    body: fc.uint8Array({ maxLength: 300 }),
  }),
  { maxLength: 20 },
);

async function readAll(reader: FrameReader): Promise<Frame[]> {
  const all: Frame[] = [];
  for (let frame = await reader.next(); frame; frame = await reader.next()) all.push(frame);
  return all;
}

const code = (name: string) => (error: unknown) => (error as { code?: string }).code === name;

Deno.test("a header is ten bytes: length, stream id, type, flags, numbers big-endian", () => {
  deepStrictEqual([...encodeHeader(0x010203, 0x0a0b0c0d, 2, 5)], [0, 1, 2, 3, 10, 11, 12, 13, 2, 5]);
});

Deno.test("frames survive any chunking of the stream", async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 10 });
  await fc.assert(fc.asyncProperty(frames, sizes, async (sent, cuts) => {
    const bytes = concat(
      sent.flatMap((f) => [encodeHeader(f.body.length, f.streamId, f.type, f.flags), f.body]),
    );
    const got = await readAll(new FrameReader(streamOf([...chunksOf(cuts)(bytes)])));
    deepStrictEqual(
      got.map((f) => ({ ...f, body: [...f.body] })),
      sent.map((f) => ({ ...f, body: [...f.body] })),
    );
  }));
});

Deno.test("a body within one chunk is not copied", async () => {
  const chunk = concat([encodeHeader(3, 1, 1, 0), Uint8Array.of(7, 8, 9)]);
  const frame = await new FrameReader(streamOf([chunk])).next();
  strictEqual(frame?.body.buffer, chunk.buffer);
});

Deno.test("an oversized body is drained and told, the next frame is read", async () => {
  const length = MAX_BODY_BYTES + 1;
  const bytes = [
    encodeHeader(length, 3, 1, 0),
    new Uint8Array(length),
    encodeHeader(1, 5, 1, 0),
    Uint8Array.of(1),
  ];
  const reader = new FrameReader(streamOf(bytes));
  deepStrictEqual(await reader.next(), {
    streamId: 3,
    type: 1,
    flags: 0,
    body: new Uint8Array(0),
    oversizedBytes: length,
  });
  strictEqual((await reader.next())?.streamId, 5);
});

Deno.test("a body of exactly the limit is taken", async () => {
  const reader = new FrameReader(
    streamOf([encodeHeader(MAX_BODY_BYTES, 1, 1, 0), new Uint8Array(MAX_BODY_BYTES)]),
  );
  strictEqual((await reader.next())?.body.length, MAX_BODY_BYTES);
});

Deno.test("a set first byte ends the reading: the framing is lost", async () => {
  const header = encodeHeader(0, 1, 1, 0);
  header[0] = 1;
  await rejects(new FrameReader(streamOf([header])).next(), code("INVALID_ARGUMENT"));
});

Deno.test("a stream that ends within a frame is told as DATA_LOSS, wherever it ends", async () => {
  const whole = concat([encodeHeader(4, 1, 1, 0), Uint8Array.of(1, 2, 3, 4)]);
  for (let length = 1; length < whole.length; length++) {
    await rejects(new FrameReader(streamOf([whole.subarray(0, length)])).next(), code("DATA_LOSS"));
  }
  strictEqual(await new FrameReader(streamOf([])).next(), null);
});

Deno.test("garbage never throws anything but our errors", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ minLength: 1, maxLength: 64 })), async (chunks) => {
      try {
        await readAll(new FrameReader(streamOf(chunks)));
      } catch (error) {
        strictEqual((error as Error).name, "KuasarError");
      }
    }),
  );
});

Deno.test("frames that are queued in one turn leave in one write, in order", async () => {
  const [ours, theirs] = streamPair();
  const writer = new FrameWriter(ours);
  await Promise.all([1, 3, 5].map((id) => writer.write(id, 1, 0, [Uint8Array.of(id)])));
  strictEqual(ours.writes.length, 1);
  const reader = new FrameReader(theirs);
  for (const id of [1, 3, 5]) strictEqual((await reader.next())?.streamId, id);
});

Deno.test("large parts are written without a copy", () => {
  const large = new Uint8Array(100_000);
  const small = new Uint8Array(HEADER_BYTES);
  const chunks = [...gather([small, large, small, small])];
  strictEqual(chunks[1], large);
  strictEqual(chunks.length, 3);
});

Deno.test("gathering keeps every byte in order", () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 20 }), (lengths) => {
    const parts = lengths.map((length, i) => new Uint8Array(length).fill(i));
    deepStrictEqual(concat([...gather(parts)]), concat(parts));
  }));
});

Deno.test("a write to a broken connection fails with UNAVAILABLE, and so do all later ones", async () => {
  const [ours, theirs] = streamPair();
  theirs.close();
  const writer = new FrameWriter(ours);
  await rejects(writer.write(1, 1, 0, []), code("UNAVAILABLE"));
  await rejects(writer.write(3, 1, 0, []), code("UNAVAILABLE"));
  strictEqual(ours.closed, true);
});

Deno.test("a reader's own limit is held, and what is longer drained", async () => {
  const bytes = [
    ...[encodeHeader(101, 1, 2, 0), new Uint8Array(101)],
    ...[encodeHeader(100, 3, 2, 0), new Uint8Array(100)],
  ];
  const reader = new FrameReader(streamOf(bytes), { maxBodyBytes: 100 });
  deepStrictEqual([(await reader.next())?.oversizedBytes, (await reader.next())?.body.length], [101, 100]);
});

Deno.test("a body that grows is put together right", async () => {
  const body = new Uint8Array(300_000).map((_, i) => i * 7);
  const sizes = fc.array(fc.integer({ min: 1, max: 200_000 }), { minLength: 1, maxLength: 5 });
  const bytes = concat([encodeHeader(body.length, 1, 2, 0), body]);
  await fc.assert(
    fc.asyncProperty(sizes, async (cuts) => {
      const budget = new FrameBudget(1 << 20);
      const frame = await new FrameReader(streamOf([...chunksOf([5, ...cuts])(bytes)]), { budget }).next();
      strictEqual(Buffer.compare(frame!.body, body), 0);
      strictEqual(budget.usedBytes, 0);
    }),
    { numRuns: 20 },
  );
});

Deno.test("a header alone takes little memory, whatever it announces", async () => {
  const budget = new FrameBudget(1 << 20);
  const [ours, theirs] = streamPair();
  const reading = new FrameReader(ours, { budget }).next();
  await theirs.write(encodeHeader(MAX_BODY_BYTES, 1, 2, 0));
  await theirs.write(new Uint8Array(1));
  await new Promise((resolve) => setTimeout(resolve, 5));
  strictEqual(budget.usedBytes, 64 << 10);
  theirs.close();
  await rejects(reading, code("DATA_LOSS"));
  strictEqual(budget.usedBytes, 0);
});

Deno.test("a body that does not come ends the connection", async () => {
  const [ours, theirs] = streamPair();
  const reading = new FrameReader(ours, { bodyTimeoutMs: 5 }).next();
  await theirs.write(encodeHeader(10, 1, 2, 0));
  await rejects(reading, code("RESOURCE_EXHAUSTED"));
  strictEqual(ours.closed, true);
});

Deno.test("between two frames nobody is in a hurry", async () => {
  const [ours, theirs] = streamPair();
  const reading = new FrameReader(ours, { bodyTimeoutMs: 5 }).next();
  await new Promise((resolve) => setTimeout(resolve, 50));
  await theirs.write(concat([encodeHeader(1, 9, 2, 0), Uint8Array.of(1)]));
  strictEqual((await reading)?.streamId, 9);
});

Deno.test("where all frames together are too much, the one under way the longest goes", async () => {
  const budget = new FrameBudget(200 << 10);
  const pairs = Array.from({ length: 4 }, () => streamPair());
  const readings = pairs.map(([ours]) => new FrameReader(ours, { budget }).next());
  for (const reading of readings) reading.catch(() => {});
  for (const [index, [, theirs]] of pairs.entries()) {
    await theirs.write(concat([encodeHeader(100 << 10, index, 2, 0), new Uint8Array(10)]));
    // Until it is counted.
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await rejects(readings[0]!, code("RESOURCE_EXHAUSTED"));
  deepStrictEqual(pairs.map(([ours]) => ours.closed), [true, false, false, false]);
  // The last one needs more still, and others are older.
  await pairs[3]![1].write(new Uint8Array((100 << 10) - 10));
  strictEqual((await readings[3])?.body.length, 100 << 10);
  for (const [, theirs] of pairs.slice(0, 3)) theirs.close();
  await Promise.allSettled(readings);
  strictEqual(budget.usedBytes, 0);
});
