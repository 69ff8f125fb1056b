import assert from "node:assert/strict";
import { KuasarError } from "../../lib/errors/mod.ts";
import type { Envelope } from "../../lib/proto/gen/containerd/types/types.ts";
import { nextEvent, publishEvent } from "./events.ts";

const event = (topic: string): Envelope => ({
  timestamp: undefined,
  namespace: "k8s.io",
  topic,
  event: undefined,
});

/** A call that is cancelled by hand. */
function call() {
  let listener: ((reason: KuasarError) => void) | undefined;
  return {
    onCancel(wanted: (reason: KuasarError) => void) {
      listener = wanted;
      return () => listener = undefined;
    },
    cancel: () => listener?.(new KuasarError("CANCELLED", "Cannot wait: the caller is gone")),
  };
}

Deno.test("events wait for a caller, in their order", async () => {
  publishEvent(event("/1"));
  publishEvent(event("/2"));
  assert.equal((await nextEvent(call())).topic, "/1");
  assert.equal((await nextEvent(call())).topic, "/2");
});

Deno.test("a caller waits for the next event", async () => {
  const waiting = nextEvent(call());
  publishEvent(event("/3"));
  assert.equal((await waiting).topic, "/3");
});

Deno.test("an event does not go to a caller that is gone", async () => {
  const gone = call();
  const lost = nextEvent(gone);
  gone.cancel();
  await assert.rejects(lost, { code: "CANCELLED" });
  publishEvent(event("/4"));
  assert.equal((await nextEvent(call())).topic, "/4");
});

Deno.test("when nobody fetches them the oldest events are dropped", async () => {
  for (let i = 0; i < 300; i++) publishEvent(event(`/${i}`));
  assert.equal((await nextEvent(call())).topic, "/44");
  for (let i = 45; i < 300; i++) assert.equal((await nextEvent(call())).topic, `/${i}`);
});
