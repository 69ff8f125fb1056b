import assert from "node:assert/strict";
import { root, step } from "../lib/build/mod.ts";
import { bundle, link } from "./build.ts";
import { sanitizerFlags } from "./sanitizer_flags.ts";

/** The tests, under the sanitizers. */
async function buildTests(): Promise<string> {
  const module = await bundle(`${root}/guest/native/test/main.ts`);
  const flags = await sanitizerFlags();
  const dir = await step({
    name: "native-test",
    output: "native-test",
    inputs: [{ text: module + flags.join(" ") }, { path: `${root}/guest/native` }],
    run: async ({ out, log }) => {
      await link({ module, output: `${out}/native-test`, work: out, log, flags });
    },
  });
  return `${dir}/native-test`;
}

Deno.test("the native module holds under the sanitizers", async () => {
  const command = new Deno.Command(await buildTests(), { stdout: "piped", stderr: "piped" });
  const { code, stderr } = await command.output();
  const output = new TextDecoder().decode(stderr);
  assert.equal(code, 0, output);
  assert.match(output, /^(\d+) of \1 passed$/m, output);
});
