/**
 * What a neighbour's `stats` cost while one guest misbehaves: `deno run -A tests/bench/hostile_guest.ts`. The guests are stand-ins,
 * so that nothing but the task server is measured; the rounds without and with it alternate.
 */
import { Envelope } from "../../lib/proto/gen/containerd/types/types.ts";
import { type GuestManner, mannerly, StandInGuests, statsAnswer } from "../harness/stand_in_guests.ts";
import { percentile, timed } from "./statistics.ts";

const ROUNDS = 6;
const CALLS = 100;
const BETWEEN_MS = 5;
const LARGE = new Uint8Array(256 << 10);
const EVENT = Envelope.encode({ timestamp: undefined, namespace: "", topic: "/x", event: undefined })
  .finish();

/** What the guest does while `on` says so, and how a guest should be otherwise. */
const MANNERS: Readonly<Record<string, (on: () => boolean) => GuestManner>> = {
  "events without end": (on) => async (call) => {
    if (call.method !== "GetEvents") return await mannerly(call);
    await until(on);
    await call.answer(EVENT);
  },
  "frames without end that nobody asked for": (on) => async (call) => {
    if (call.method !== "GetEvents") return await mannerly(call);
    for (;;) {
      await until(on);
      await call.send(LARGE, { streamId: 0xffff_fff1 });
    }
  },
  "small frames without end": (on) => async (call) => {
    if (call.method !== "GetEvents") return await mannerly(call);
    for (;;) {
      await until(on);
      await call.send(new Uint8Array(), { streamId: 0xffff_fff1, type: 9 });
    }
  },
  "frames that do not end": (on) => async (call) => {
    if (call.method !== "GetEvents") return await mannerly(call);
    await until(on);
    await call.send(LARGE.subarray(1), { length: LARGE.length });
  },
  "large statistics": (on) => async (call) => {
    if (call.method !== "Stats") return await mannerly(call);
    await call.answer(statsAnswer(new Uint8Array(on() ? 250 << 10 : 10)));
  },
};

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

async function neighbourStats(guests: StandInGuests): Promise<number[]> {
  const samples: number[] = [];
  for (let i = 0; i < CALLS; i++) {
    samples.push((await timed(() => guests.task.stats({ id: "good" }))).ms);
    await new Promise((resolve) => setTimeout(resolve, BETWEEN_MS));
  }
  return samples;
}

for (const [name, manner] of Object.entries(MANNERS)) {
  await StandInGuests.run(async (guests) => {
    let on = false;
    await guests.add("good", mannerly);
    await guests.add("bad", manner(() => on));
    await neighbourStats(guests);
    const [without, during]: [number[], number[]] = [[], []];
    for (let round = 0; round < ROUNDS; round++) {
      for (on of [false, true]) {
        // Somebody asks for the bad guest's statistics as well, as containerd does.
        const asking = setInterval(() => guests.task.stats({ id: "bad" }).catch(() => {}), 50);
        (on ? during : without).push(...await neighbourStats(guests));
        clearInterval(asking);
      }
    }
    const show = (samples: number[]) =>
      `p50 ${percentile(samples, 0.5).toFixed(2)} ms, p99 ${percentile(samples, 0.99).toFixed(2)} ms`;
    const times = percentile(during, 0.5) / percentile(without, 0.5);
    console.log(`${name}: without ${show(without)}; with ${show(during)}; ${times.toFixed(2)} times`);
  });
}
Deno.exit(0);
