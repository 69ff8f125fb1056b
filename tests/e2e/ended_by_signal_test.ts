/** A bench or demo that somebody ends leaves nothing, whatever it was doing. */
import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { leftovers } from "../../deploy/leftovers.ts";
import { takeSnapshot } from "../harness/mod.ts";

const SCRIPT = fileURLToPath(new URL("./ended_by_signal.ts", import.meta.url));

const MOMENTS = [
  { when: "while its node starts", line: "starting", signal: "SIGTERM", code: 143 },
  { when: "while its pods come and go", line: "a pod has lived", signal: "SIGINT", code: 130 },
] as const;

for (const [index, { when, line, signal, code }] of MOMENTS.entries()) {
  Deno.test(`a command that runs pods and is ended by ${signal} ${when} leaves nothing`, async () => {
    const runDir = `/run/kt${Deno.pid % 100_000}s${index}`;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", SCRIPT, runDir],
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const errors = new Response(child.stderr).text();
    let text = "";
    let asked = false;
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (asked || !text.includes(line)) continue;
      asked = true;
      child.kill(signal);
    }
    strictEqual((await child.status).code, code, await errors);
    strictEqual(await errors, "", "failures of what is ended are no news");
    deepStrictEqual(leftovers(runDir), []);
    const ids = new Set([...text.matchAll(/^pod (\S+)$/gm)].map(([, id]) => id!));
    const left = takeSnapshot({ runDir, ids, resident: new Map(), counted: [] });
    deepStrictEqual(Object.values(left).flat(), []);
    await rejects(Deno.stat(runDir), Deno.errors.NotFound);
  });
}
