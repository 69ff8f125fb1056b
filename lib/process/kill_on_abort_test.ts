import { strictEqual } from "node:assert/strict";
import { askVersion, killOnAbort } from "./mod.ts";

const shell = (script: string) =>
  new Deno.Command("/bin/sh", { args: ["-c", script], stdin: "null", stdout: "piped", stderr: "null" })
    .spawn();

Deno.test("a program that stands still is killed with what it has started", async () => {
  for (const script of ["kill -STOP $$", "sh -c 'kill -STOP $$; echo late' & wait"]) {
    const child = shell(script);
    killOnAbort(child, AbortSignal.timeout(200));
    const { signal, stdout } = await child.output();
    strictEqual(signal, "SIGKILL");
    strictEqual(stdout.length, 0);
  }
});

Deno.test("one that has ended in time is left alone, and one that nobody wants any more is killed at once", async () => {
  const late = new AbortController();
  const child = shell("exit 3");
  killOnAbort(child, late.signal);
  strictEqual((await child.output()).code, 3);
  late.abort();
  const unwanted = shell("sleep 300");
  killOnAbort(unwanted, AbortSignal.abort());
  strictEqual((await unwanted.output()).signal, "SIGKILL");
});

Deno.test("a program that stands still has no version", async () => {
  const { output } = await askVersion("/bin/sh", {
    args: ["-c", "echo it 1.2; kill -STOP $$"],
    timeoutMs: 200,
  });
  strictEqual(output, "");
});
