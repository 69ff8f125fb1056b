/** The parent of the task server on a host, without anything else. */
import { ok, strictEqual } from "node:assert/strict";
import { buildDir } from "../../lib/build/mod.ts";
import { TaskDefinition } from "../../lib/proto/gen/containerd/task/v3/task.ts";
import { connectUnix } from "../../lib/transport/mod.ts";
import { createClient, TtrpcClient } from "../../lib/ttrpc/mod.ts";
import { childrenOf } from "../../lib/process/mod.ts";

/** How long a start may take on a busy host. */
const START_TIMEOUT_MS = 60_000;

/** Starts `kuasar-task` in a folder of its own. */
async function withKeeper(test: (keeper: Deno.ChildProcess, runDir: string) => Promise<void>): Promise<void> {
  const runDir = await Deno.makeTempDir({ dir: "/run", prefix: "kkt" });
  const keeper = new Deno.Command(`${buildDir}/guest/kuasar-task`, {
    args: ["--run-dir", runDir],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    await test(keeper, runDir);
  } finally {
    try {
      keeper.kill("SIGKILL");
    } catch {
      // It has ended, as it should.
    }
    await keeper.status;
    await Deno.remove(runDir, { recursive: true });
  }
}

/** The server that is not `other`, once it answers: before that the socket is its keeper's alone. */
async function serverOf(keeper: Deno.ChildProcess, runDir: string, other = 0): Promise<number> {
  const stream = await eventually(() => connectUnix(`${runDir}/task.sock`, { timeoutMs: START_TIMEOUT_MS }));
  const client = new TtrpcClient(stream);
  try {
    const task = createClient(TaskDefinition, client, { timeoutMs: START_TIMEOUT_MS });
    await task.connect({ id: "nobody" });
  } finally {
    client.close();
  }
  const pid = childrenOf(keeper.pid).find((child) => child !== other);
  ok(pid !== undefined, "whoever has answered is a child of the keeper");
  return pid;
}

/** Tries again while nobody listens yet. */
async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
  for (const end = Date.now() + START_TIMEOUT_MS;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

Deno.test("the keeper starts a server that was killed again, on the same socket", async () => {
  await withKeeper(async (keeper, runDir) => {
    const first = await serverOf(keeper, runDir);
    const { ino } = await Deno.stat(`${runDir}/task.sock`);
    Deno.kill(first, "SIGKILL");
    const second = await serverOf(keeper, runDir, first);
    ok(second !== first);
    strictEqual((await Deno.stat(`${runDir}/task.sock`)).ino, ino);
    keeper.kill("SIGTERM");
    strictEqual((await keeper.status).code, 0);
    ok(!await Deno.stat(`/proc/${second}`).then(() => true, () => false), "the server ends with its keeper");
  });
});

Deno.test("a server that hangs does not outlive its keeper's stop", async () => {
  await withKeeper(async (keeper, runDir) => {
    const server = await serverOf(keeper, runDir);
    Deno.kill(server, "SIGSTOP");
    keeper.kill("SIGTERM");
    strictEqual((await keeper.status).code, 0);
    ok(!await Deno.stat(`/proc/${server}`).then(() => true, () => false));
  });
});
