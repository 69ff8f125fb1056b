import { rejects } from "node:assert/strict";
import { waitForFile } from "./wait_for_file.ts";

async function withDir(test: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    await test(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("a file that is there, or comes later, ends the wait", () =>
  withDir(async (dir) => {
    const later = waitForFile(`${dir}/a`, 60_000);
    await Deno.writeTextFile(`${dir}/other`, "");
    await Deno.writeTextFile(`${dir}/a`, "");
    await later;
    await waitForFile(`${dir}/a`, 60_000);
  }));

Deno.test("the wait ends with its deadline or its signal", () =>
  withDir(async (dir) => {
    await rejects(waitForFile(`${dir}/a`, 5), { code: "DEADLINE_EXCEEDED" });
    const abort = new AbortController();
    const wait = waitForFile(`${dir}/a`, 60_000, abort.signal);
    abort.abort();
    await rejects(wait, { code: "CANCELLED" });
    await rejects(waitForFile(`${dir}/a`, 60_000, abort.signal), { code: "CANCELLED" });
  }));
