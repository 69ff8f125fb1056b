import { strictEqual } from "node:assert/strict";
import { killProcess, spawnWithFds } from "./mod.ts";
import { allowedOomScoreAdj, setOomScoreAdj } from "./oom_score_adj.ts";

const of = (pid: number) => Number(Deno.readTextFileSync(`/proc/${pid}/oom_score_adj`));

Deno.test("without the capability a process can only become easier to end", () => {
  const free = { value: 0, mayLower: true };
  const bound = { value: 200, mayLower: false };
  strictEqual(allowedOomScoreAdj(-998, free), -998);
  strictEqual(allowedOomScoreAdj(-998, bound), 200);
  strictEqual(allowedOomScoreAdj(500, bound), 500);
  strictEqual(allowedOomScoreAdj(5_000, free), 1000);
  strictEqual(allowedOomScoreAdj(-5_000, free), -1000);
});

Deno.test("a program starts with the value that is asked for, without core files, and the value follows", async () => {
  const child = await spawnWithFds("/bin/sleep", ["300"], { oomScoreAdj: 300, noCore: true });
  try {
    await until(() => Deno.readTextFileSync(`/proc/${child.pid}/comm`) === "sleep\n");
    strictEqual(of(child.pid), 300);
    const limits = Deno.readTextFileSync(`/proc/${child.pid}/limits`);
    strictEqual(/^Max core file size\s+(\S+)\s+(\S+)/m.exec(limits)?.slice(1).join(), "0,0");
    // What a handler of core files is given, whatever the limit is.
    strictEqual(Deno.readTextFileSync(`/proc/${child.pid}/coredump_filter`).trim(), "00000000");
    strictEqual(setOomScoreAdj(child.pid, 400), true);
    strictEqual(of(child.pid), 400);
  } finally {
    killProcess(child.ref, "SIGKILL");
    await child.exited;
  }
  strictEqual(setOomScoreAdj(child.pid, 400), false);
});

Deno.test("a value that the host does not allow is no reason not to start", async () => {
  const child = await spawnWithFds("/bin/sleep", ["300"], { oomScoreAdj: -1000 });
  try {
    await until(() => Deno.readTextFileSync(`/proc/${child.pid}/comm`) === "sleep\n");
    strictEqual(of(child.pid), allowedOomScoreAdj(-1000));
  } finally {
    killProcess(child.ref, "SIGKILL");
    await child.exited;
  }
});

async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 5));
}
