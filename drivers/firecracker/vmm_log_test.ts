import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { wordsOfLog } from "./vmm_log.ts";

const words = (text: string) => wordsOfLog(new TextEncoder().encode(text));
const line = (text: string) => `2026-01-01T00:00:00.000000000 [s1:main] ${text}\n`;

Deno.test("an end in order is read from the last lines", () => {
  const log = line("Vmm is stopping.") + line("Firecracker exiting successfully. exit_code=0");
  deepStrictEqual(words(log), { reason: "guest-reset", crashed: false });
});

Deno.test("any other end says nothing", () => {
  for (
    const log of [
      "",
      line('The API server received a Get request on "/".'),
      line("Firecracker exiting with error. exit_code=148"),
      line("Firecracker exiting successfully. exit_code=0") + line("a").repeat(3),
    ]
  ) strictEqual(words(log), undefined);
});
