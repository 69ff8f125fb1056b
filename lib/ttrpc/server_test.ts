import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { KuasarError } from "../errors/mod.ts";
import { StreamingDefinition } from "../proto/gen/containerd/services/streaming/v1/streaming.ts";
import { TaskDefinition, WaitRequest, WaitResponse } from "../proto/gen/containerd/task/v3/task.ts";
import { Any } from "../proto/gen/google/protobuf/any.ts";
import { MAX_BODY_BYTES } from "./frame.ts";
import type { CallContext, Handlers, ServerOptions } from "./mod.ts";
import { TtrpcServer } from "./mod.ts";
import { RawPeer } from "./testing/raw_peer.ts";
import { streamPair } from "./testing/stream_pair.ts";

const TASK = "containerd.task.v3.Task";
const STREAMING = "containerd.services.streaming.v1.Streaming";
const WAIT = WaitRequest.encode({ id: "c", execId: "" }).finish();

interface Served {
  task?: Handlers<typeof TaskDefinition>;
  streaming?: Handlers<typeof StreamingDefinition>;
  options?: ServerOptions;
}

async function withServer(served: Served, run: (peer: RawPeer) => Promise<void>): Promise<void> {
  const server = new TtrpcServer(served.options);
  server.add(TaskDefinition, served.task ?? {}, { fullName: "containerd.task.v2.Task" });
  server.add(StreamingDefinition, served.streaming ?? {});
  const [theirs, ours] = streamPair();
  const serving = server.serve(ours);
  const peer = new RawPeer(theirs);
  try {
    await run(peer);
  } finally {
    peer.close();
    await serving;
  }
}

const exited: Handlers<typeof TaskDefinition> = {
  wait: () => ({ exitStatus: 42, exitedAt: undefined }),
};

const echo: Handlers<typeof StreamingDefinition> = {
  async stream(incoming, send) {
    for await (const message of incoming) await send(message);
  },
};

Deno.test("a unary call is answered with status OK as field 1 and the payload", async () => {
  await withServer({ task: exited }, async (peer) => {
    await peer.request(1, { service: TASK, method: "Wait", payload: WAIT });
    const frame = await peer.frame();
    deepStrictEqual([frame?.streamId, frame?.type, frame?.flags], [1, 2, 0]);
    deepStrictEqual([...frame?.body ?? []].slice(0, 2), [0x0a, 0x00]);
    deepStrictEqual([...frame?.body ?? []].slice(2), [0x12, 2, 8, 42]);
  });
});

Deno.test("an empty message is answered without a payload, a missing one taken as empty", async () => {
  await withServer({ task: { pause: () => ({}) } }, async (peer) => {
    await peer.request(1, { service: TASK, method: "Pause" });
    deepStrictEqual([...(await peer.frame())?.body ?? []], [0x0a, 0x00]);
  });
});

Deno.test("a service can be called by its second name", async () => {
  await withServer({ task: exited }, async (peer) => {
    await peer.request(1, { service: "containerd.task.v2.Task", method: "Wait", payload: WAIT });
    strictEqual(WaitResponse.decode((await peer.response()).payload).exitStatus, 42);
  });
});

Deno.test("an unknown service, an unknown method and one without a handler answer UNIMPLEMENTED", async () => {
  await withServer({}, async (peer) => {
    await peer.request(1, { service: "x.Y", method: "Wait" });
    await peer.request(3, { service: TASK, method: "Nothing" });
    await peer.request(5, { service: TASK, method: "Wait" });
    for (const id of [1, 3, 5]) {
      const { streamId, code } = await peer.response();
      deepStrictEqual([streamId, code], [id, 12]);
    }
  });
});

Deno.test("answers come in the order in which they are ready", async () => {
  const gate = Promise.withResolvers<void>();
  const task: Handlers<typeof TaskDefinition> = {
    wait: async () => (await gate.promise, { exitStatus: 1, exitedAt: undefined }),
    pause: () => ({}),
  };
  await withServer({ task }, async (peer) => {
    await peer.request(1, { service: TASK, method: "Wait" });
    await peer.request(3, { service: TASK, method: "Pause" });
    strictEqual((await peer.response()).streamId, 3);
    gate.resolve();
    strictEqual((await peer.response()).streamId, 1);
  });
});

Deno.test("what a handler throws becomes the status", async () => {
  const task: Handlers<typeof TaskDefinition> = {
    wait: () => {
      throw new KuasarError("NOT_FOUND", "Cannot wait: no such container");
    },
    pause: () => Promise.reject(new TypeError("boom")),
  };
  await withServer({ task }, async (peer) => {
    await peer.request(1, { service: TASK, method: "Wait" });
    deepStrictEqual((await peer.response()).code, 5);
    await peer.request(3, { service: TASK, method: "Pause" });
    deepStrictEqual((await peer.response()).code, 13);
  });
});

Deno.test("metadata and the time that is left reach the handler", async () => {
  let seen: CallContext | undefined;
  const task: Handlers<typeof TaskDefinition> = { pause: (_, context) => (seen = context, {}) };
  await withServer({ task }, async (peer) => {
    const metadata = [{ key: "containerd-namespace-ttrpc", value: "k8s.io" }];
    await peer.request(1, { service: TASK, method: "Pause", timeoutNano: 10_000_000_000n, metadata });
    await peer.response();
    strictEqual(seen?.deadlineMs, 10_000);
    strictEqual(seen?.metadata.get("containerd-namespace-ttrpc"), "k8s.io");
    await peer.request(3, { service: TASK, method: "Pause" });
    await peer.response();
    strictEqual(seen?.deadlineMs, undefined);
  });
});

Deno.test("a handler is told when its time is over and when its caller is gone", async () => {
  const reasons: string[] = [];
  const gate = Promise.withResolvers<void>();
  const task: Handlers<typeof TaskDefinition> = {
    pause: (_, context) =>
      new Promise((resolve) =>
        context.onCancel((reason) => {
          reasons.push(reason.code);
          resolve({});
        })
      ),
    resume: (_, context) => {
      context.onCancel((reason) => {
        reasons.push(reason.code);
        gate.resolve();
      });
      return gate.promise.then(() => ({}));
    },
  };
  await withServer({ task }, async (peer) => {
    await peer.request(1, { service: TASK, method: "Pause", timeoutNano: 1n });
    await peer.response();
    await peer.request(3, { service: TASK, method: "Resume" });
    await Promise.resolve();
  });
  await gate.promise;
  deepStrictEqual(reasons, ["DEADLINE_EXCEEDED", "UNAVAILABLE"]);
});

Deno.test("an even stream id and one that was used are refused, the connection goes on", async () => {
  await withServer({ task: exited }, async (peer) => {
    await peer.request(2, { service: TASK, method: "Wait" });
    deepStrictEqual([(await peer.response()).code], [3]);
    await peer.request(5, { service: TASK, method: "Wait" });
    strictEqual((await peer.response()).code, 0);
    for (const id of [5, 3]) {
      await peer.request(id, { service: TASK, method: "Wait" });
      const { streamId, code } = await peer.response();
      deepStrictEqual([streamId, code], [id, 3]);
    }
    await peer.request(7, { service: TASK, method: "Wait" });
    strictEqual((await peer.response()).code, 0);
  });
});

Deno.test("an oversized request is answered RESOURCE_EXHAUSTED on its stream, the connection goes on", async () => {
  await withServer({ task: exited }, async (peer) => {
    await peer.send(1, 1, 0, new Uint8Array(MAX_BODY_BYTES + 1));
    const { streamId, code } = await peer.response();
    deepStrictEqual([streamId, code], [1, 8]);
    await peer.request(3, { service: TASK, method: "Wait" });
    strictEqual((await peer.response()).code, 0);
  });
});

Deno.test("an oversized message of a stream ends that stream with RESOURCE_EXHAUSTED", async () => {
  await withServer({ task: exited, streaming: echo }, async (peer) => {
    await peer.request(1, { service: STREAMING, method: "Stream" }, 0x02);
    await peer.send(1, 3, 0, new Uint8Array(MAX_BODY_BYTES + 1));
    const { streamId, code } = await peer.response();
    deepStrictEqual([streamId, code], [1, 8]);
    await peer.request(3, { service: TASK, method: "Wait" });
    strictEqual((await peer.response()).code, 0);
  });
});

Deno.test("an answer that does not fit into a frame becomes RESOURCE_EXHAUSTED", async () => {
  const task: Handlers<typeof TaskDefinition> = {
    stats: () => ({ stats: { typeUrl: "x", value: new Uint8Array(MAX_BODY_BYTES) } }),
  };
  await withServer({ task }, async (peer) => {
    await peer.request(1, { service: TASK, method: "Stats" });
    strictEqual((await peer.response()).code, 8);
  });
});

Deno.test("frames of an unknown type are left alone", async () => {
  const errors: string[] = [];
  const options = { onProtocolError: (error: KuasarError) => void errors.push(error.message) };
  await withServer({ task: exited, options }, async (peer) => {
    await peer.send(1, 99, 0, Uint8Array.of(1, 2));
    await peer.send(1, 2, 0, Uint8Array.of(1, 2));
    await peer.request(1, { service: TASK, method: "Wait" });
    strictEqual((await peer.response()).code, 0);
    strictEqual(errors.length, 2);
  });
});

Deno.test("a request that is no protobuf and a payload that is none answer INVALID_ARGUMENT", async () => {
  await withServer({ task: exited }, async (peer) => {
    await peer.send(1, 1, 0, Uint8Array.of(0x0a, 0xff, 0xff));
    strictEqual((await peer.response()).code, 3);
    await peer.request(3, { service: TASK, method: "Wait", payload: Uint8Array.of(0x0a, 0xff) });
    strictEqual((await peer.response()).code, 3);
  });
});

Deno.test("a set first byte closes the connection and cancels its calls", async () => {
  const cancelled = Promise.withResolvers<string>();
  const task: Handlers<typeof TaskDefinition> = {
    wait: (_, context) => {
      context.onCancel((reason) => cancelled.resolve(reason.code));
      return new Promise(() => {});
    },
  };
  await withServer({ task }, async (peer) => {
    await peer.request(1, { service: TASK, method: "Wait" });
    await peer.write(Uint8Array.of(255, 0, 0, 0, 0, 0, 0, 3, 1, 0));
    strictEqual(await peer.frame(), null);
    strictEqual(await cancelled.promise, "UNAVAILABLE");
  });
});

Deno.test("more calls than allowed are refused, a finished one makes room", async () => {
  const gate = Promise.withResolvers<void>();
  const task: Handlers<typeof TaskDefinition> = {
    wait: () => gate.promise.then(() => ({ exitStatus: 0, exitedAt: undefined })),
  };
  await withServer({ task, options: { maxStreams: 2 } }, async (peer) => {
    for (const id of [1, 3, 5]) await peer.request(id, { service: TASK, method: "Wait" });
    const { streamId, code } = await peer.response();
    deepStrictEqual([streamId, code], [5, 8]);
    gate.resolve();
    await peer.response();
    await peer.response();
    await new Promise((resolve) => setTimeout(resolve, 0));
    await peer.request(7, { service: TASK, method: "Wait" });
    strictEqual((await peer.response()).code, 0);
  });
});

const message = (text: string) => Any.encode({ typeUrl: text, value: new Uint8Array(0) }).finish();

Deno.test("a stream echoes and ends with a Data frame of flags 0x05, not with an answer", async () => {
  await withServer({ streaming: echo }, async (peer) => {
    await peer.request(1, { service: STREAMING, method: "Stream" }, 0x02);
    await peer.send(1, 3, 0, message("a"));
    const first = await peer.frame();
    deepStrictEqual([first?.type, first?.flags, Any.decode(first?.body ?? new Uint8Array()).typeUrl], [
      3,
      0,
      "a",
    ]);
    await peer.send(1, 3, 0x05, new Uint8Array(0));
    const last = await peer.frame();
    deepStrictEqual([last?.type, last?.flags, last?.body.length], [3, 0x05, 0]);
  });
});

Deno.test("a last message within the half-close is taken, an empty message is a message", async () => {
  await withServer({ streaming: echo }, async (peer) => {
    await peer.request(1, { service: STREAMING, method: "Stream" }, 0x02);
    await peer.send(1, 3, 0, new Uint8Array(0));
    deepStrictEqual((await peer.frame())?.flags, 0);
    await peer.send(1, 3, 0x01, message("z"));
    strictEqual(Any.decode((await peer.frame())?.body ?? new Uint8Array()).typeUrl, "z");
    strictEqual((await peer.frame())?.flags, 0x05);
  });
});

Deno.test("a request with a closed remote ends the incoming side at once", async () => {
  await withServer({ streaming: echo }, async (peer) => {
    await peer.request(1, { service: STREAMING, method: "Stream", payload: message("only") }, 0x01);
    strictEqual(Any.decode((await peer.frame())?.body ?? new Uint8Array()).typeUrl, "only");
    strictEqual((await peer.frame())?.flags, 0x05);
  });
});

Deno.test("a stream handler that throws ends the stream with an answer", async () => {
  const streaming: Handlers<typeof StreamingDefinition> = {
    stream: () => Promise.reject(new KuasarError("NOT_FOUND", "Cannot join: no such stream")),
  };
  await withServer({ streaming }, async (peer) => {
    await peer.request(1, { service: STREAMING, method: "Stream" }, 0x02);
    const { code, message } = await peer.response();
    strictEqual(code, 5);
    match(message, /no such stream/);
  });
});

Deno.test("data for a stream that is over is dropped, for one that never was refused", async () => {
  const streaming: Handlers<typeof StreamingDefinition> = { stream: async () => {} };
  await withServer({ streaming }, async (peer) => {
    await peer.request(1, { service: STREAMING, method: "Stream" }, 0x02);
    strictEqual((await peer.frame())?.flags, 0x05);
    await peer.send(1, 3, 0, message("late"));
    await peer.send(9, 3, 0, message("early"));
    const { streamId, code } = await peer.response();
    deepStrictEqual([streamId, code], [9, 3]);
  });
});

Deno.test("garbage never makes a server reject or crash", async () => {
  const byte = fc.uint8Array({ maxLength: 200 });
  // Half of the garbage looks like a frame, so that it gets past the first header.
  const framed = fc.tuple(fc.nat(60), fc.nat(12), fc.nat(5), fc.nat(7)).map(([length, id, type, flags]) =>
    Uint8Array.of(0, 0, 0, length, 0, 0, 0, id, type, flags)
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(byte, framed), { maxLength: 20 }), async (chunks) => {
      await withServer({ task: exited, streaming: echo }, async (peer) => {
        for (const chunk of chunks) {
          if (chunk.length) await peer.write(chunk).catch(() => {});
        }
        ok(true);
      });
    }),
    { numRuns: 300 },
  );
});

Deno.test("closing the server ends its connections and refuses new ones", async () => {
  const server = new TtrpcServer();
  const [theirs, ours] = streamPair();
  const serving = server.serve(ours);
  server.close();
  await serving;
  strictEqual(await theirs.read(), null);
  const [again, end] = streamPair();
  await server.serve(end);
  strictEqual(await again.read(), null);
});

Deno.test("a connection whose stream the server has ended waits for the peer's end of it", async () => {
  const options = { closeAfterStream: () => true };
  const streaming = { stream: () => Promise.resolve() };
  await withServer({ task: exited, streaming, options }, async (peer) => {
    await peer.request(1, { service: STREAMING, method: "Stream" }, 0x02);
    deepStrictEqual([(await peer.frame())?.flags], [0x05]);
    await peer.send(1, 3, 0, new Uint8Array(0));
    await peer.request(3, { service: TASK, method: "Wait", payload: WAIT });
    strictEqual((await peer.response()).code, 0);
    await peer.send(1, 3, 0x05, new Uint8Array(0));
    strictEqual(await peer.frame(), null);
  });
});

Deno.test("a peer that never ends its side is let go when the handler says so, before or after its own end", async () => {
  let letGo = () => {};
  const options = { closeAfterStream: () => true };
  const streaming: Handlers<typeof StreamingDefinition> = {
    stream: (_incoming, _send, context) => {
      letGo = () => context.letGo();
      return Promise.resolve();
    },
  };
  await withServer({ streaming, options }, async (peer) => {
    await peer.request(1, { service: STREAMING, method: "Stream" }, 0x02);
    deepStrictEqual([(await peer.frame())?.flags], [0x05]);
    letGo();
    strictEqual(await peer.frame(), null);
  });
  const early: Handlers<typeof StreamingDefinition> = {
    stream: (_incoming, _send, context) => Promise.resolve(context.letGo()),
  };
  await withServer({ streaming: early, options }, async (peer) => {
    await peer.request(1, { service: STREAMING, method: "Stream" }, 0x02);
    deepStrictEqual([(await peer.frame())?.flags], [0x05]);
    strictEqual(await peer.frame(), null);
  });
});

Deno.test("a connection ends with its last stream where that is wanted, and not with a call", async () => {
  const options = { closeAfterStream: (service: string) => service === STREAMING };
  await withServer({ task: exited, streaming: echo, options }, async (peer) => {
    await peer.request(1, { service: TASK, method: "Wait", payload: WAIT });
    strictEqual((await peer.response()).code, 0);
    await peer.request(3, { service: STREAMING, method: "Stream" }, 0x02);
    await peer.request(5, { service: STREAMING, method: "Stream" }, 0x02);
    await peer.send(3, 3, 0x05, new Uint8Array(0));
    deepStrictEqual([(await peer.frame())?.streamId], [3]);
    await peer.send(5, 3, 0x05, new Uint8Array(0));
    deepStrictEqual([(await peer.frame())?.streamId], [5]);
    strictEqual(await peer.frame(), null);
  });
});
