import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { StreamingDefinition } from "../proto/gen/containerd/services/streaming/v1/streaming.ts";
import { TaskDefinition, WaitRequest, WaitResponse } from "../proto/gen/containerd/task/v3/task.ts";
import { Any } from "../proto/gen/google/protobuf/any.ts";
import { Request } from "../proto/gen/ttrpc/ttrpc.ts";
import { type ConnectionState, type Handlers, TtrpcServer } from "./mod.ts";
import { RawPeer } from "./testing/raw_peer.ts";
import { streamPair } from "./testing/stream_pair.ts";

const TASK = "containerd.task.v3.Task";
const WAIT = WaitRequest.encode({ id: "c", execId: "" }).finish();

function requestOf(method: string): Uint8Array {
  return Request.encode({ service: TASK, method, payload: WAIT, timeoutNano: 0n, metadata: [] }).finish();
}

/** Serves one connection and gives what its log was told. */
async function serve(
  handlers: Handlers<typeof TaskDefinition>,
  state: ConnectionState | undefined,
  run: (peer: RawPeer) => Promise<void>,
): Promise<string[]> {
  const server = new TtrpcServer();
  server.add(TaskDefinition, handlers);
  const told: string[] = [];
  const log = {
    begin: (id: number, body: Uint8Array) => void told.push(`begin ${id} ${Request.decode(body).method}`),
    end: (id: number) => void told.push(`end ${id}`),
  };
  const [theirs, ours] = streamPair();
  const serving = server.serve(ours, { log, state, repeats: (_, method) => method === "Wait" });
  const peer = new RawPeer(theirs);
  await run(peer);
  peer.close();
  await serving;
  return told;
}

Deno.test("a call is logged before it is carried out and when it is answered", async () => {
  const order: string[] = [];
  const handlers: Handlers<typeof TaskDefinition> = {
    wait: () => {
      order.push("wait");
      return { exitStatus: 1, exitedAt: undefined };
    },
  };
  const told = await serve(handlers, undefined, async (peer) => {
    await peer.request(1, { service: TASK, method: "Wait", payload: WAIT });
    await peer.response();
    await peer.request(3, { service: TASK, method: "Nothing" });
    strictEqual((await peer.response()).code, 12);
  });
  deepStrictEqual(order, ["wait"]);
  deepStrictEqual(told, ["begin 1 Wait", "end 1"]);
});

Deno.test("a connection goes on where an earlier process has left it", async () => {
  const state = {
    lastStreamId: 9,
    open: [{ streamId: 5, body: requestOf("Wait") }, { streamId: 7, body: requestOf("Start") }],
  };
  const handlers: Handlers<typeof TaskDefinition> = {
    wait: () => ({ exitStatus: 42, exitedAt: undefined }),
    start: () => {
      throw new Error("nobody knows whether it has been started");
    },
  };
  await serve(handlers, state, async (peer) => {
    const answers = [await peer.response(), await peer.response()].sort((a, b) => a.streamId - b.streamId);
    deepStrictEqual(answers.map(({ streamId, code }) => [streamId, code]), [[5, 0], [7, 14]]);
    strictEqual(WaitResponse.decode(answers[0]!.payload).exitStatus, 42);
    // What the earlier process has seen may come again; it is not carried out twice.
    await peer.request(9, { service: TASK, method: "Start", payload: WAIT });
    await peer.request(11, { service: TASK, method: "Wait", payload: WAIT });
    deepStrictEqual((await peer.response()).streamId, 11);
    await peer.request(11, { service: TASK, method: "Wait", payload: WAIT });
    strictEqual((await peer.response()).code, 3);
  });
});

Deno.test("a stream goes on with what it has had remembered, and its peer may go on sending", async () => {
  const server = new TtrpcServer();
  const firsts: string[] = [];
  server.add(StreamingDefinition, {
    async stream(incoming, send, context) {
      let first = true;
      for await (const message of incoming) {
        if (first) firsts.push(message.typeUrl);
        if (first) context.remember(Any.encode({ ...message, typeUrl: "resumed" }).finish());
        else await send(message);
        first = false;
      }
    },
  });
  const open = new Map<number, Uint8Array>();
  const log = {
    begin: (id: number, body: Uint8Array) => void open.set(id, body),
    end: (id: number) => void open.delete(id),
  };
  const message = (typeUrl: string) => Any.encode({ typeUrl, value: new Uint8Array(0) }).finish();
  const connect = (state?: ConnectionState) => {
    const [theirs, ours] = streamPair();
    return { peer: new RawPeer(theirs), serving: server.serve(ours, { log, state, repeats: () => true }) };
  };
  const before = connect();
  await before.peer.request(1, { service: StreamingDefinition.fullName, method: "Stream" }, 0x02);
  await before.peer.send(1, 3, 0, message("new"));
  await before.peer.send(1, 3, 0, message("one"));
  strictEqual(Any.decode((await before.peer.frame())!.body).typeUrl, "one");
  // Killed: what its log says at this moment is all that the next one has.
  const state = { lastStreamId: 1, open: [...open].map(([streamId, body]) => ({ streamId, body })) };
  before.peer.close();
  await before.serving;
  const after = connect(state);
  await after.peer.send(1, 3, 0, message("two"));
  strictEqual(Any.decode((await after.peer.frame())!.body).typeUrl, "two");
  deepStrictEqual(firsts, ["new", "resumed"]);
  after.peer.close();
  await after.serving;
});
