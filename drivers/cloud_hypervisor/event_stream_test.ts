import { deepStrictEqual } from "node:assert/strict";
import fc from "fast-check";
import { EventStream } from "./event_stream.ts";

const encode = (text: string) => new TextEncoder().encode(text);

Deno.test("events come out the same however the stream is split", () => {
  const one = fc.record({
    source: fc.string(),
    event: fc.string(),
    properties: fc.dictionary(fc.string().filter((key) => key !== "__proto__"), fc.string()),
  });
  fc.assert(fc.property(fc.array(one), fc.integer({ min: 1, max: 50 }), (events, size) => {
    const bytes = encode(events.map((event) => JSON.stringify(event, null, 2) + "\n\n").join(""));
    const stream = new EventStream();
    const found = [];
    for (let at = 0; at < bytes.length; at += size) found.push(...stream.push(bytes.slice(at, at + size)));
    deepStrictEqual(JSON.parse(JSON.stringify(found)), JSON.parse(JSON.stringify(events)));
  }));
});

Deno.test("what is no event is left out, also what has lost its beginning", () => {
  const text =
    '"lost"\n}\n\nnull\n\n{"source": "vm"}\n\n{"source": "vm", "event": "booted", "properties": null}\n\n';
  deepStrictEqual(new EventStream().push(encode(text)), [{ source: "vm", event: "booted", properties: {} }]);
});
