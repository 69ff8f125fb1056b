import { deepStrictEqual, ok } from "node:assert/strict";
import fc from "fast-check";
import { lastBytesOf, lastLines, tailFile } from "./tail.ts";

const encode = (text: string) => new TextEncoder().encode(text);

Deno.test("the last lines come without empty ones, carriage returns and colours", () => {
  const text = "one\r\n\r\n\x1b[1;31mtwo\x1b[0m\r\n\x1b]0;title\x07three\n\x07";
  deepStrictEqual(lastLines(encode(text), 2), ["two", "three"]);
  deepStrictEqual(lastLines(encode(text), 9), ["one", "two", "three"]);
  deepStrictEqual(lastLines(encode(text), 0), []);
});

Deno.test("no control character of a guest survives, whatever it writes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
    for (const line of lastLines(bytes, 5)) {
      // deno-lint-ignore no-control-regex
      ok(!/[\x00-\x08\x0a-\x1f\x7f-\x9f]/.test(line));
    }
  }));
});

Deno.test("the tail of a file that is not there is empty", async () => {
  deepStrictEqual(await tailFile("/nonexistent/console.log", 3), []);
});

Deno.test("the tail of a long file is its end", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, "x".repeat(100_000) + "\nlast\n");
    deepStrictEqual((await tailFile(path, 1))[0], "last");
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("of what a program writes only the end is kept, however it is cut", async () => {
  for (const size of [1, 1000, 300_000]) {
    const all = "x\n".repeat(150_000) + "last\n";
    const bytes = encode(all);
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = size === 1 ? bytes.length - 50 : 0; at < bytes.length; at += size) {
          controller.enqueue(bytes.slice(at, at + size));
        }
        controller.close();
      },
    });
    const last = await lastBytesOf(stream);
    ok(last.length <= 16 * 1024);
    deepStrictEqual(lastLines(last, 2), ["x", "last"]);
  }
});
