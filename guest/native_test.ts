import assert from "node:assert/strict";
import { root, step } from "../lib/build/mod.ts";
import { bundle, link, sysroot } from "./build.ts";

/** The program with the address and undefined-behaviour sanitizers, which need a dynamic libc. */
async function buildTests(): Promise<string> {
  const libraries = `${await sysroot()}/usr/lib/x86_64-linux-gnu`;
  const module = await bundle(`${root}/guest/native/test/main.ts`);
  const flags = [
    "-O1",
    "-g",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-fno-omit-frame-pointer",
    "-static-libasan",
    "-static-libubsan",
    // The sysroot's libc may be newer than the host's.
    `-Wl,--dynamic-linker=${libraries}/ld-linux-x86-64.so.2`,
    `-Wl,-rpath,${libraries}`,
  ];
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
