import { deepStrictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { KuasarError } from "../../../lib/errors/mod.ts";
import { FOREIGN, type ImageRecord, parseImageRecord } from "./image_record.ts";

const key = fc.tuple(fc.nat({ max: 0xffffffff }), fc.nat()).map(([mount, inode]) =>
  `file[${mount.toString(16)}:${inode.toString(16)}]`
);
const keys = fc.array(key, { maxLength: 16 });
const record: fc.Arbitrary<ImageRecord> = fc.record({
  keys: fc.tuple(keys, keys, keys),
  options: fc.record({
    openTcp: fc.boolean(),
    externalUnixSockets: fc.boolean(),
    terminal: fc.boolean(),
    fileLocks: fc.boolean(),
    emptyNetwork: fc.boolean(),
  }, { noNullPrototype: true }),
}, { noNullPrototype: true });

Deno.test("a record is read as it was written", () => {
  fc.assert(fc.property(record, (value) => deepStrictEqual(parseImageRecord(JSON.stringify(value)), value)));
  deepStrictEqual(parseImageRecord(JSON.stringify(FOREIGN)), FOREIGN);
});

Deno.test("whatever else a checkpoint brings is read or refused", () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
    try {
      parseImageRecord(text);
    } catch (error) {
      if (!(error instanceof KuasarError)) throw error;
    }
  }));
});

Deno.test("a name that would be another line of CRIU's configuration is refused", () => {
  for (const name of ["file[1:2]\nexec-cmd", "file[1:2] x", "pipe:[1]", "file[g:1]", ""]) {
    throws(
      () => parseImageRecord(JSON.stringify({ keys: [[name], [], []] })),
      /keys are not three lists/,
      JSON.stringify(name),
    );
  }
});
