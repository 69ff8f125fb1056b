import { strictEqual, throws } from "node:assert/strict";
import { RESTORE_ANNOTATION } from "../../lib/gvisor/mod.ts";
import { takePlace, wantedRestore } from "./restore.ts";

const asks = (name: string) => ({ [RESTORE_ANNOTATION]: name });

Deno.test("a pod asks for a checkpoint by its name", async () => {
  const dir = await Deno.makeTempDir();
  await Deno.mkdir(`${dir}/one`);
  await Deno.writeTextFile(`${dir}/one/kuasar-containers.json`, `["a", "b"]`);
  await Deno.mkdir(`${dir}/bad`);
  await Deno.writeTextFile(`${dir}/bad/kuasar-containers.json`, `{"a": 1}`);
  try {
    strictEqual(wantedRestore({}, dir), undefined);
    strictEqual(wantedRestore(asks("one"), dir)?.image, `${dir}/one`);
    for (const name of ["", "..", "../one", "/one", "one/../one", ".one"]) {
      throws(() => wantedRestore(asks(name), dir), { code: "INVALID_ARGUMENT" }, name);
    }
    throws(() => wantedRestore(asks("bad"), dir), { code: "INVALID_ARGUMENT" });
    throws(() => wantedRestore(asks("none"), dir), { code: "NOT_FOUND" });
    throws(() => wantedRestore(asks("one"), ""), { code: "FAILED_PRECONDITION" });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("the first container of a name goes on, however often it is prepared; a later one starts", () => {
  const restore = { image: "/c/one", containers: { a: null } };
  strictEqual(takePlace(restore, "b", "id-0"), "");
  strictEqual(takePlace(restore, undefined, "id-0"), "");
  strictEqual(takePlace(restore, "toString", "id-0"), "");
  strictEqual(takePlace(restore, "a", "id-1"), "/c/one");
  strictEqual(takePlace(restore, "a", "id-1"), "/c/one");
  strictEqual(takePlace(restore, "a", "id-2"), "");
});
