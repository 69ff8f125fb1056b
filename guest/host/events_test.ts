import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Any } from "../../lib/proto/gen/google/protobuf/any.ts";
import { KuasarError } from "../../lib/errors/mod.ts";
import { EventPublisher, type EventsConnection } from "./events.ts";

const EVENT: Any = { typeUrl: "", value: new Uint8Array() };

/** A containerd that does not take the first `refused` events: it is busy, or ends the connection. */
function containerdAfter(refused: number, how: "busy" | "ends" = "busy") {
  const told: string[] = [];
  const seen = { connections: 0 };
  const all = Promise.withResolvers<void>();
  const open = (): EventsConnection => {
    seen.connections++;
    const closed = Promise.withResolvers<void>();
    return {
      forward({ topic }) {
        if (refused-- > 0) {
          if (how === "busy") return Promise.reject(new KuasarError("DEADLINE_EXCEEDED", "it is busy"));
          closed.resolve();
          return Promise.reject(new KuasarError("UNAVAILABLE", "it is gone"));
        }
        told.push(topic);
        if (topic === "last") all.resolve();
        return Promise.resolve();
      },
      closed: closed.promise,
    };
  };
  const publisher = new EventPublisher("/c", { open, clock: () => undefined! });
  return { told, seen, all: all.promise, publisher };
}

Deno.test("an event that a busy containerd has not taken is told again, though no other follows", async () => {
  const { told, seen, all, publisher } = containerdAfter(1);
  publisher.publish("default", "last", EVENT);
  await all;
  deepStrictEqual(told, ["last"]);
  strictEqual(seen.connections, 1, "on the connection that there is");
});

Deno.test("an event on whose connection containerd has ended goes out on the next one", async () => {
  const { told, seen, all, publisher } = containerdAfter(1, "ends");
  publisher.publish("default", "last", EVENT);
  await all;
  deepStrictEqual(told, ["last"]);
  strictEqual(seen.connections, 2);
});

Deno.test("those that wait go out in order with the next event", async () => {
  const { told, all, publisher } = containerdAfter(2);
  for (const topic of ["first", "second"]) publisher.publish("default", topic, EVENT);
  await Promise.resolve();
  publisher.publish("default", "last", EVENT);
  await all;
  deepStrictEqual(told, ["first", "second", "last"]);
});
