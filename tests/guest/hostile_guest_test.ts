/** A guest that says what no agent would: the task server, which is every pod's, goes on as if it were not there. */
import { ok, rejects, strictEqual } from "node:assert/strict";
import { Envelope } from "../../lib/proto/gen/containerd/types/types.ts";
import { type GuestManner, mannerly, StandInGuests, statsAnswer } from "../harness/stand_in_guests.ts";

const MIB = 1 << 20;
const EVENT = Envelope.encode({
  timestamp: undefined,
  namespace: "k8s.io",
  topic: "/tasks/unknown",
  event: undefined,
}).finish();

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** As a guest should be, but for one call. */
function but(method: string, manner: GuestManner): GuestManner {
  return async (call) => await (call.method === method ? manner(call) : mannerly(call));
}

Deno.test("answers that never end take no memory from anybody", async () => {
  await StandInGuests.run(async (guests) => {
    await guests.add("good", mannerly);
    const unfinished = (length: number, sent: number) =>
      but("Create", async (call) => {
        await mannerly(call);
        await call.send(new Uint8Array(sent), { length });
      });
    // What they announce is more than the server may have, and so is what they send.
    await Promise.all(Array.from({ length: 100 }, (_, i) => {
      const manner = i % 2 === 0 ? unfinished(4 * MIB, 0) : unfinished(256 << 10, (256 << 10) - 1);
      return guests.add(`bad${i}`, manner);
    }));
    await sleep(200);
    await guests.task.stats({ id: "good" });
    const process = { cwd: "/", args: ["true", "x".repeat(MIB)] };
    const value = new TextEncoder().encode(JSON.stringify(process));
    await guests.task.exec({
      ...{ id: "good", execId: "e", terminal: false, stdin: "", stdout: "", stderr: "" },
      spec: { typeUrl: "x", value },
    });
    await guests.task.stats({ id: "good" });
  });
});

Deno.test("events are fetched at a pace, and what is wrong with them is said once", async () => {
  await StandInGuests.run(async (guests) => {
    let asked = 0;
    await guests.add(
      "bad",
      but("GetEvents", async ({ answer }) => {
        asked += 1;
        await answer(EVENT);
      }),
    );
    await guests.add("good", mannerly);
    const begin = performance.now();
    await sleep(3_000);
    const seconds = (performance.now() - begin) / 1000;
    // A burst, one a second, and the one that is under way.
    ok(asked <= 16 + seconds + 2, `${asked} in ${seconds} s`);
    await guests.task.stats({ id: "good" });
    const lines = (await guests.log()).filter((line) => line.includes("sandbox=bad"));
    strictEqual(lines.length, 1, lines.join("\n"));
  });
});

Deno.test("an answer has 256 KiB at most, one more byte is an error of that call", async () => {
  await StandInGuests.run(async (guests) => {
    let bytes = 0;
    await guests.add("pod", but("Stats", ({ answer }) => answer(statsAnswer(new Uint8Array(bytes)))));
    for (bytes of [10, 200 << 10]) {
      strictEqual((await guests.task.stats({ id: "pod" })).stats?.value.length, bytes);
    }
    bytes = 256 << 10;
    await rejects(guests.task.stats({ id: "pod" }), { code: "RESOURCE_EXHAUSTED" });
    bytes = 10;
    await guests.task.stats({ id: "pod" });
  });
});

Deno.test("frames that nobody has asked for are read slowly, those of others as ever", async () => {
  await StandInGuests.run(async (guests) => {
    let frames = 0;
    await guests.add(
      "bad",
      but("GetEvents", async ({ send }) => {
        for (;; frames++) await send(new Uint8Array(64 << 10), { streamId: 0xffff_fff1 });
      }),
    );
    await guests.add("good", mannerly);
    const begin = performance.now();
    await sleep(2_000);
    await guests.task.stats({ id: "good" });
    const seconds = (performance.now() - begin) / 1000;
    // What may come at once, what may come in that time, and what the sockets hold.
    const most = (2 + seconds + 2) * MIB;
    ok(frames * (64 << 10) <= most, `${frames} frames in ${seconds} s`);
  });
});
