import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { StreamingDefinition } from "../proto/gen/containerd/services/streaming/v1/streaming.ts";
import { TaskDefinition } from "../proto/gen/containerd/task/v3/task.ts";
import { Any } from "../proto/gen/google/protobuf/any.ts";
import { Request, Response } from "../proto/gen/ttrpc/ttrpc.ts";
import { MAX_BODY_BYTES } from "./frame.ts";
import { createClient, TtrpcClient, TtrpcServer } from "./mod.ts";
import { RawPeer } from "./testing/raw_peer.ts";
import { chunksOf, streamPair } from "./testing/stream_pair.ts";

const code = (name: string) => (error: unknown) => (error as { code?: string }).code === name;
const wait = { id: "c", execId: "" };
const NO_STATUS = Response.encode({ status: undefined, payload: Uint8Array.of(8, 42) }).finish();

async function withPeer(run: (client: TtrpcClient, peer: RawPeer) => Promise<void>): Promise<void> {
  const [ours, theirs] = streamPair();
  const client = new TtrpcClient(ours);
  try {
    await run(client, new RawPeer(theirs));
  } finally {
    client.close();
    await client.closed;
  }
}

Deno.test("a call sends service, method, remaining time and metadata; stream ids are odd and grow", async () => {
  await withPeer(async (client, peer) => {
    const task = createClient(TaskDefinition, client, { metadata: new Map([["k", "v"]]), timeoutMs: 60_000 });
    const answers = [task.wait(wait, { timeoutMs: 1_500 }), task.wait(wait, { timeoutMs: undefined })];
    const first = await peer.frame();
    deepStrictEqual([first?.streamId, first?.type, first?.flags], [1, 1, 0]);
    deepStrictEqual(Request.decode(first?.body ?? new Uint8Array()), {
      service: "containerd.task.v3.Task",
      method: "Wait",
      payload: Uint8Array.of(10, 1, 99),
      timeoutNano: 1_500_000_000n,
      metadata: [{ key: "k", value: "v" }],
    });
    const second = await peer.frame();
    strictEqual(second?.streamId, 3);
    strictEqual(Request.decode(second?.body ?? new Uint8Array()).timeoutNano, 0n);
    // Answered in the other order, and without a status, which counts as OK.
    await peer.send(3, 2, 0, NO_STATUS);
    await peer.send(1, 2, 0, NO_STATUS);
    for (const answer of answers) strictEqual((await answer).exitStatus, 42);
    strictEqual(client.openCalls, 0);
  });
});

Deno.test("a call without an answer fails with DEADLINE_EXCEEDED, its late answer is dropped", async () => {
  await withPeer(async (client, peer) => {
    const task = createClient(TaskDefinition, client);
    await rejects(task.wait(wait, { timeoutMs: 1 }), code("DEADLINE_EXCEEDED"));
    await peer.send(1, 2, 0, NO_STATUS);
    const answer = task.wait(wait);
    await peer.send(3, 2, 0, NO_STATUS);
    strictEqual((await answer).exitStatus, 42);
  });
});

Deno.test("the end of the connection fails every call, open and later, with UNAVAILABLE", async () => {
  await withPeer(async (client, peer) => {
    const task = createClient(TaskDefinition, client);
    const open = task.wait(wait);
    peer.close();
    await rejects(open, code("UNAVAILABLE"));
    await rejects(task.wait(wait), code("UNAVAILABLE"));
    await client.closed;
  });
});

Deno.test("a frame cut short or a set first byte fails the calls, not the process", async () => {
  for (const garbage of [Uint8Array.of(0, 0), Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 1, 2, 0)]) {
    await withPeer(async (client, peer) => {
      const open = createClient(TaskDefinition, client).wait(wait);
      await peer.write(garbage);
      if (garbage.length < 10) peer.close();
      await rejects(open, code("UNAVAILABLE"));
    });
  }
});

Deno.test("malformed, oversized and misplaced answers fail their call only", async () => {
  await withPeer(async (client, peer) => {
    const task = createClient(TaskDefinition, client);
    const calls = [task.wait(wait), task.wait(wait), task.wait(wait), task.wait(wait)];
    await peer.send(1, 2, 0, Uint8Array.of(0x0a, 0xff));
    await peer.send(3, 2, 0, new Uint8Array(MAX_BODY_BYTES + 1));
    await peer.send(5, 3, 0, Uint8Array.of(1));
    await peer.send(7, 2, 0, NO_STATUS);
    const codes = (await Promise.allSettled(calls)).map((r) =>
      r.status === "rejected" ? r.reason.code : "OK"
    );
    deepStrictEqual(codes, ["INTERNAL", "RESOURCE_EXHAUSTED", "INTERNAL", "OK"]);
  });
});

Deno.test("a request over the limit is refused before it is sent", async () => {
  await withPeer(async (client) => {
    const value = new Uint8Array(MAX_BODY_BYTES);
    const update = { id: "c", resources: { typeUrl: "x", value }, annotations: {} };
    await rejects(createClient(TaskDefinition, client).update(update), code("RESOURCE_EXHAUSTED"));
  });
});

Deno.test("a stream opens with flag 0x02 and an empty payload and half-closes with an empty 0x05", async () => {
  await withPeer(async (client, peer) => {
    const stream = createClient(StreamingDefinition, client).stream();
    await stream.send({ typeUrl: "a", value: new Uint8Array(0) });
    await stream.closeSend();
    const open = await peer.frame();
    deepStrictEqual(
      [open?.type, open?.flags, Request.decode(open?.body ?? new Uint8Array()).payload.length],
      [1, 2, 0],
    );
    deepStrictEqual(Any.decode((await peer.frame())?.body ?? new Uint8Array()).typeUrl, "a");
    const closing = await peer.frame();
    deepStrictEqual([closing?.type, closing?.flags, closing?.body.length], [3, 0x05, 0]);
    await rejects(stream.send({ typeUrl: "b", value: new Uint8Array(0) }), code("FAILED_PRECONDITION"));
    await peer.send(1, 3, 0x05, new Uint8Array(0));
    strictEqual(await stream.next(), undefined);
    strictEqual(client.openCalls, 0);
  });
});

Deno.test("a stream fails with the status of the answer and nothing is sent on it any more", async () => {
  await withPeer(async (client, peer) => {
    const stream = createClient(StreamingDefinition, client).stream();
    const status = { code: 5, message: "gone", details: [] };
    await peer.send(1, 2, 0, Response.encode({ status, payload: new Uint8Array(0) }).finish());
    await rejects(stream.next(), code("NOT_FOUND"));
    await rejects(stream.send({ typeUrl: "b", value: new Uint8Array(0) }), code("NOT_FOUND"));
  });
});

Deno.test("calls and streams between our two sides survive any chunking", async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 });
  const payloads = fc.array(fc.uint8Array({ maxLength: 20_000 }), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(sizes, payloads, async (cuts, values) => {
      const [ours, theirs] = streamPair(chunksOf(cuts.map((n) => n * 100)));
      const server = new TtrpcServer();
      server.add(TaskDefinition, {
        stats: ({ id }) => ({ stats: { typeUrl: id, value: new Uint8Array(9) } }),
      });
      server.add(StreamingDefinition, {
        async stream(incoming, send) {
          for await (const message of incoming) await send(message);
        },
      });
      const serving = server.serve(theirs);
      const client = new TtrpcClient(ours);
      const stream = createClient(StreamingDefinition, client).stream();
      const stats = values.map((_, i) => createClient(TaskDefinition, client).stats({ id: `c${i}` }));
      const received: Uint8Array[] = [];
      const receiving = (async () => {
        for await (const message of stream) received.push(message.value);
      })();
      for (const value of values) await stream.send({ typeUrl: "data", value });
      await stream.closeSend();
      await receiving;
      deepStrictEqual(received.map((v) => [...v]), values.map((v) => [...v]));
      deepStrictEqual((await Promise.all(stats)).map((s) => s.stats?.typeUrl), values.map((_, i) => `c${i}`));
      client.close();
      await serving;
    }),
    { numRuns: 50 },
  );
});

Deno.test("garbage from a server never does more than fail the calls", async () => {
  const framed = fc.tuple(fc.nat(20), fc.nat(5), fc.nat(5), fc.nat(7)).map(([length, id, type, flags]) =>
    Uint8Array.of(0, 0, 0, length, 0, 0, 0, id, type, flags)
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(fc.uint8Array({ maxLength: 64 }), framed)), async (chunks) => {
      await withPeer(async (client, peer) => {
        const call = createClient(TaskDefinition, client).wait(wait).catch((e) => e);
        const stream = createClient(StreamingDefinition, client).stream();
        const drained = (async () => {
          for await (const _ of stream);
        })().catch((e) => e);
        for (const chunk of chunks) if (chunk.length) await peer.write(chunk).catch(() => {});
        peer.close();
        await Promise.all([call, drained]);
      });
    }),
  );
});
