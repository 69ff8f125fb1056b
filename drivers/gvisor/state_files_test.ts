import { deepStrictEqual, ok } from "node:assert/strict";
import { pinNewNetns } from "../../lib/libc/mod.ts";
import { isStateFile, removeKeptNetns, removeState } from "./state_files.ts";

Deno.test("a sandbox's files are told from another's", () => {
  for (const name of ["runsc-s1.sock", "s1_sandbox:s1.state", "c1_sandbox:s1.lock"]) {
    ok(isStateFile(name, "s1"), name);
  }
  for (const name of ["runsc-s11.sock", "s1_sandbox:s2.state", "c1_sandbox:s11.lock", "other"]) {
    ok(!isStateFile(name, "s1"), name);
  }
});

Deno.test("the network namespace that runsc keeps goes with the last sandbox, however often it is mounted", () => {
  const root = Deno.makeTempDirSync({ prefix: "runsc-" });
  const names = () => [...Deno.readDirSync(root)].map(({ name }) => name).sort();
  try {
    for (const id of ["+a+", "+b+"]) Deno.writeTextFileSync(`${root}/${id}_sandbox:${id}.state`, "");
    pinNewNetns(`${root}/null-netns`);
    removeState(root, "+a+");
    removeKeptNetns(root);
    deepStrictEqual(names(), ["+b+_sandbox:+b+.state", "null-netns"]);
    removeState(root, "+b+");
    removeKeptNetns(root);
    deepStrictEqual(names(), []);
    removeKeptNetns(root);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});
