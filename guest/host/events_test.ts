import { deepStrictEqual } from "node:assert/strict";
import { Any } from "../../lib/proto/gen/google/protobuf/any.ts";
import { KuasarError } from "../../lib/errors/mod.ts";
import { EventPublisher, type EventsConnection } from "./events.ts";

const EVENT: Any = { typeUrl: "", value: new Uint8Array() };

/** A containerd that is away for its first `away` connections. */
function containerdAfter(away: number) {
  const told: string[] = [];
  const all = Promise.withResolvers<void>();
  const open = (): EventsConnection => ({
    forward({ topic }) {
      if (away-- > 0) return Promise.reject(new KuasarError("DEADLINE_EXCEEDED", "it is busy"));
      told.push(topic);
      if (topic === "last") all.resolve();
      return Promise.resolve();
    },
    close() {},
    closed: new Promise(() => {}),
  });
  return { told, all: all.promise, publisher: new EventPublisher("/c", { open, clock: () => undefined! }) };
}

Deno.test("an event that a busy containerd has not taken is told again, though no other follows", async () => {
  const { told, all, publisher } = containerdAfter(1);
  publisher.publish("default", "last", EVENT);
  await all;
  deepStrictEqual(told, ["last"]);
});

Deno.test("those that wait go out in order with the next event", async () => {
  const { told, all, publisher } = containerdAfter(2);
  for (const topic of ["first", "second"]) publisher.publish("default", topic, EVENT);
  await Promise.resolve();
  publisher.publish("default", "last", EVENT);
  await all;
  deepStrictEqual(told, ["first", "second", "last"]);
});
