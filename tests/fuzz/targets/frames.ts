/** ttrpc's frames, and what is in them. */
import { FrameBounds } from "../../../guest/host/frame_bounds.ts";
import { readTranscript } from "../../../guest/host/read_transcript.ts";
import { TaskDefinition } from "../../../lib/proto/gen/containerd/task/v3/task.ts";
import { Any } from "../../../lib/proto/gen/google/protobuf/any.ts";
import { GuestDefinition } from "../../../lib/proto/gen/kuasar/guest/v1/guest.ts";
import { PrepareDefinition } from "../../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import { Response } from "../../../lib/proto/gen/ttrpc/ttrpc.ts";
import {
  bytesIn,
  dataMessage,
  grantIn,
  openingOf,
  resumedMessage,
} from "../../../guest/host/streaming/messages.ts";
import { decodeMessage, decodeResponse } from "../../../lib/ttrpc/answer.ts";
import { FrameReader } from "../../../lib/ttrpc/frame_reader.ts";
import { encodeHeader, FRAME_TYPE, FrameBudget, type MethodDefinition } from "../../../lib/ttrpc/mod.ts";
import { chunksOf, concat, streamOf } from "../../../lib/ttrpc/testing/stream_pair.ts";
import { KuasarError } from "../../../lib/errors/mod.ts";
import { orRefusal } from "../refusals.ts";
import { must, mustBeSame, type Target } from "../target.ts";

const METHODS: readonly MethodDefinition[] = [TaskDefinition, GuestDefinition, PrepareDefinition].flatMap(
  ({ methods }) => Object.values<MethodDefinition>(methods),
);

function frame(body: Uint8Array, streamId: number, type: number): Uint8Array {
  return concat([encodeHeader(body.length, streamId, type, 0), body]);
}

const STREAM = concat([
  frame(new Uint8Array(0), 1, FRAME_TYPE.request),
  frame(Uint8Array.of(1, 2, 3), 1, FRAME_TYPE.response),
  frame(new Uint8Array(60), 3, FRAME_TYPE.data),
]);

/** Where the frames of a stream end, by the reader and by the follower of bounds; the first bytes say how it is cut. */
async function checkFrames(input: Uint8Array): Promise<void> {
  const sizes = [...input.subarray(0, 4)].map((size) => size + 1);
  const bytes = input.subarray(4);
  const bounds = new FrameBounds();
  let atBound = true;
  for (const chunk of chunksOf(sizes)(bytes)) atBound = bounds.push(chunk);
  const budget = new FrameBudget(1 << 20);
  const reader = new FrameReader(streamOf([...chunksOf(sizes)(bytes)]), { budget, maxBodyBytes: 1 << 16 });
  let read = 0;
  try {
    for (let next = await reader.next(); next; next = await reader.next()) {
      read += 10 + (next.oversizedBytes ?? next.body.length);
    }
    must(atBound && read === bytes.length, "the reader has seen the end of a frame where none is");
  } catch (error) {
    if (!(error instanceof KuasarError)) throw error;
    const isEnd = error.code === "DATA_LOSS" && !atBound;
    must(isEnd || error.code === "INVALID_ARGUMENT", `refused with ${error.code}: ${error.message}`);
  }
  must(budget.usedBytes === 0, "memory of a frame is still counted");
}

/** The open calls of a transcript lie within it, whatever it says. */
function checkTranscript(input: Uint8Array): void {
  const { open, lastStreamId } = readTranscript(input);
  const held = open.reduce((sum, { body }) => sum + body.length + 10, 0);
  must(held <= input.length, "more is open than was written");
  must(open.every(({ streamId }) => streamId <= lastStreamId), "an open call is newer than the last one");
}

/** Each message that peers send, out of the same bytes. What could be read must be writable, and then be the same. */
function checkMessages(input: Uint8Array): void {
  const method = METHODS[(input[0] ?? 0) % METHODS.length]!;
  const payload = input.subarray(1);
  for (const type of [method.requestType, method.responseType]) {
    const decode = (bytes: Uint8Array) =>
      orRefusal(() => decodeMessage({ ...method, responseType: type }, bytes), ["INTERNAL"]);
    const message = decode(payload);
    if (message === undefined) continue;
    const again = type.encode(message).finish();
    mustBeSame([...type.encode(decode(again)).finish()], [...again], method.name);
  }
}

function checkAnswer(input: Uint8Array): void {
  const codes = new Set(["INTERNAL", "RESOURCE_EXHAUSTED"]);
  try {
    decodeResponse({ streamId: 1, type: input[0] ?? 0, flags: 0, body: input.subarray(1) }, "Any");
  } catch (error) {
    // Any code that a peer has put there is a status like others.
    if (!(error instanceof KuasarError)) throw error;
    codes.add(error.code);
  }
}

function checkStreaming(input: Uint8Array): void {
  let message: Any;
  try {
    message = Any.decode(input);
  } catch {
    return;
  }
  for (const read of [() => openingOf(message), () => bytesIn(message), () => grantIn(message)]) {
    try {
      read();
    } catch (error) {
      // protobuf's own, which the stream answers with a status.
      must(error instanceof Error && !(error instanceof TypeError), String(error));
    }
  }
}

const REQUESTS = [
  TaskDefinition.methods.create.requestType.encode({
    ...TaskDefinition.methods.create.requestType.decode(new Uint8Array(0)),
    id: "c1",
    bundle: "/run/b",
    stdin: "/run/in",
    options: { typeUrl: "a/b", value: Uint8Array.of(1, 2, 3) },
  }).finish(),
  TaskDefinition.methods.kill.requestType.encode({ id: "c1", execId: "", signal: 9, all: true }).finish(),
  TaskDefinition.methods.exec.requestType.encode({
    ...TaskDefinition.methods.exec.requestType.decode(new Uint8Array(0)),
    id: "c1",
    execId: "e1",
    spec: {
      typeUrl: "types.containerd.io/opencontainers/runtime-spec/1/Process",
      value: Uint8Array.of(123, 125),
    },
  }).finish(),
];

export const FRAME_TARGETS: readonly Target[] = [
  { name: "frames", samples: [concat([Uint8Array.of(9, 0, 99, 30), STREAM])], check: checkFrames },
  { name: "transcript", samples: [STREAM], check: checkTranscript },
  {
    name: "messages",
    samples: METHODS.flatMap((_, index) =>
      REQUESTS.map((request) => concat([Uint8Array.of(index), request]))
    ),
    check: checkMessages,
  },
  {
    name: "answers",
    samples: [
      { status: undefined, payload: Uint8Array.of(1, 2) },
      { status: { code: 5, message: "no such task", details: [] }, payload: new Uint8Array(0) },
    ].map((response) => concat([Uint8Array.of(FRAME_TYPE.response), Response.encode(response).finish()])),
    check: checkAnswer,
  },
  {
    name: "streaming",
    samples: [resumedMessage("s1"), dataMessage(Uint8Array.of(1, 2, 3))].map((any) =>
      Any.encode(any).finish()
    ),
    check: checkStreaming,
  },
];
