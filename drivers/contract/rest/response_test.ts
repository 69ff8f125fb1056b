import { deepStrictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { HttpResponses } from "./response.ts";

const encode = (text: string) => new TextEncoder().encode(text);

function answer(status: number, body: string): string {
  const length = status === 204 ? "" : `Content-Length: ${encode(body).length}\r\n`;
  return `HTTP/1.1 ${status} \r\nServer: x\r\nConnection: keep-alive\r\n${length}\r\n${
    status === 204 ? "" : body
  }`;
}

Deno.test("answers come out the same however the stream is split", () => {
  const one = fc.record({ status: fc.constantFrom(200, 204, 404, 500), body: fc.string({ unit: "binary" }) });
  fc.assert(fc.property(fc.array(one), fc.array(fc.integer({ min: 1, max: 30 })), (answers, sizes) => {
    const bytes = encode(answers.map(({ status, body }) => answer(status, body)).join(""));
    const responses = new HttpResponses("the VMM");
    const found = [];
    for (let at = 0, i = 0; at < bytes.length; i++) {
      const size = sizes.length > 0 ? sizes[i % sizes.length]! : bytes.length;
      found.push(...responses.push(bytes.slice(at, at + size)));
      at += size;
    }
    deepStrictEqual(
      found.map(({ status, body }) => ({ status, body })),
      answers.map(({ status, body }) => ({
        status,
        body: status === 204 ? "" : new TextDecoder().decode(encode(body)),
      })),
    );
  }));
});

Deno.test("a server that closes behind an answer is noticed", () => {
  const [response] = new HttpResponses("the VMM").push(encode("HTTP/1.1 503 \r\nConnection: close\r\n\r\n"));
  deepStrictEqual(response, { status: 503, body: "", last: true });
});

for (
  const text of [
    "SSH-2.0-OpenSSH\r\n\r\n",
    "HTTP/1.1 200 \r\nContent-Length: -1\r\n\r\n",
    "HTTP/1.1 200 \r\nContent-Length: 99999999\r\n\r\n",
    "x".repeat(20_000),
  ]
) {
  Deno.test(`${JSON.stringify(text.slice(0, 40))} is no answer`, () => {
    throws(() => new HttpResponses("the VMM").push(encode(text)), { code: "DATA_LOSS" });
  });
}
