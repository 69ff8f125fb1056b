import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { HttpRequests, MalformedRequest, MAX_BODY_BYTES, MAX_LINE_BYTES } from "./request.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const REQUEST = "PUT /api/v1/vm.resize HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}";

Deno.test("requests are the same however their bytes are cut", () =>
  fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (cuts) => {
    const bytes = encode(REQUEST + REQUEST);
    const requests = new HttpRequests();
    const found = [];
    for (let at = 0, i = 0; at < bytes.length; i++) {
      const size = cuts[i % cuts.length]!;
      requests.push(bytes.subarray(at, at += size));
      for (let next = requests.next(); next; next = requests.next()) found.push(next);
    }
    const one = { method: "PUT", path: "/api/v1/vm.resize", body: "{}" };
    deepStrictEqual(found, [one, one]);
  })));

for (
  const [what, text] of [
    ["a line that is too long", `GET /${"x".repeat(MAX_LINE_BYTES)} HTTP/1.1\r\n\r\n`],
    ["a body that is too long", `PUT / HTTP/1.1\r\nContent-Length: ${MAX_BODY_BYTES + 1}\r\n\r\n`],
    ["a chunked body", "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    ["a length that is no number", "PUT / HTTP/1.1\r\nContent-Length: x\r\n\r\n"],
    ["another method", "POST / HTTP/1.1\r\n\r\n"],
    ["a line without CR", "GET / HTTP/1.1\n\n"],
    ["no request at all", "hello\r\n\r\n"],
  ] as const
) {
  Deno.test(`malformed: ${what}`, () => {
    const requests = new HttpRequests();
    requests.push(encode(text));
    throws(() => requests.next(), MalformedRequest);
  });
}

Deno.test("half a request is none yet", () => {
  const requests = new HttpRequests();
  requests.push(encode(REQUEST.slice(0, -1)));
  strictEqual(requests.next(), undefined);
});
