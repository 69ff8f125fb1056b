import { deepStrictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { KuasarError } from "../../lib/errors/mod.ts";
import { parseHeader } from "./header.ts";

Deno.test("a header names container, exec and stream", () => {
  deepStrictEqual(parseHeader("STREAM c1 - stdout"), { container: "c1", exec: "", name: "stdout" });
  deepStrictEqual(parseHeader("STREAM c1 e-1 stdin"), { container: "c1", exec: "e-1", name: "stdin" });
});

Deno.test("a header names a port to forward to", () => {
  deepStrictEqual(parseHeader("FORWARD 1"), { port: 1 });
  deepStrictEqual(parseHeader("FORWARD 65535"), { port: 65535 });
});

Deno.test("a header names a file of a container", () => {
  deepStrictEqual(parseHeader("FILE c1 0"), { container: "c1", volume: 0 });
  deepStrictEqual(parseHeader("FILE c1 9999"), { container: "c1", volume: 9999 });
});

Deno.test("anything else is refused with INVALID_ARGUMENT", () => {
  for (
    const line of [
      "",
      "STREAM",
      "STREAM a b",
      "STREAM ../x - stdin",
      "STREAM a - stdlog",
      "GET / HTTP/1.1",
      "STREAM a - stdin x",
      "FORWARD",
      "FORWARD 0",
      "FORWARD 080",
      "FORWARD 65536",
      "FORWARD 1e3",
      "FORWARD 80 81",
      "FILE ../x 0",
      "FILE c1",
      "FILE c1 -1",
      "FILE c1 00",
      "FILE c1 10000",
      "FILE c1 0/../1",
      "FILE c1 0 1",
    ]
  ) {
    throws(() => parseHeader(line), { code: "INVALID_ARGUMENT" }, line);
  }
  fc.assert(fc.property(fc.string(), (line) => {
    try {
      parseHeader(line);
    } catch (error) {
      if (!(error instanceof KuasarError)) throw error;
    }
  }));
});
