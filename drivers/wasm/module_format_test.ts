import { strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { moduleFormat } from "./module_format.ts";

const MODULE = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const COMPONENT = [0, 0x61, 0x73, 0x6d, 13, 0, 1, 0];

Deno.test("a module and a component are known by their preambles", () => {
  strictEqual(moduleFormat(new Uint8Array(MODULE)), "module");
  strictEqual(moduleFormat(new Uint8Array([...COMPONENT, 7])), "component");
});

Deno.test("nothing else is", () => {
  for (const text of ["", "(module)", "\x7fELF\x02\x01\x01\0", "#!/bin/sh\n"]) {
    strictEqual(moduleFormat(new TextEncoder().encode(text)), undefined);
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 16 }), (bytes) => {
    const known = [MODULE, COMPONENT].some((head) =>
      head.slice(0, 4).every((byte, at) => bytes[at] === byte)
    );
    if (!known) strictEqual(moduleFormat(bytes), undefined);
  }));
  strictEqual(moduleFormat(new Uint8Array([...MODULE.slice(0, 4), 2, 0, 0, 0])), undefined);
});
