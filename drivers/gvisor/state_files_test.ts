import { deepStrictEqual } from "node:assert/strict";
import { pinNewNetns } from "../../lib/libc/mod.ts";
import { removeKeptNetns, removeState } from "./state_files.ts";

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
