/** The parent of the task server on a host, without anything else. */
import { ok, strictEqual } from "node:assert/strict";
import { buildDir } from "../../lib/build/mod.ts";
import { childrenOf } from "../harness/processes.ts";

/** How long a start may take on a busy host. */
const START_TIMEOUT_MS = 10_000;

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

/** The server that is not `other`, once it answers. */
async function serverOf(keeper: Deno.ChildProcess, runDir: string, other = 0): Promise<number> {
  for (const end = Date.now() + START_TIMEOUT_MS; Date.now() < end;) {
    const pid = childrenOf(keeper.pid).find((child) => child !== other);
    if (pid !== undefined) {
      const connection = await Deno.connect({ transport: "unix", path: `${runDir}/task.sock` }).catch(
        () => {},
      );
      connection?.close();
      if (connection) return pid;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error("no task server came");
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
