/** The stand-in against what is documented for Quark's mode of a sandboxer: what a driver may rely on. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { ExitWatcher, isAlive, processRef } from "../../../lib/process/mod.ts";
import { Status } from "../../../lib/proto/gen/containerd/task/v3/task.ts";
import { exampleConfig } from "./example_config.ts";
import { QuarkSandbox } from "./fixture.ts";

const EXEC = { execId: "e1", terminal: false, stdin: "", stderr: "" };

Deno.test("what is refused ends with 255, what panics with 101, and neither says a word", async () => {
  for (
    const [config, code] of [
      [{ ...exampleConfig(), Sandboxed: false }, 255],
      [{ ...exampleConfig(), ShimMode: true }, 255],
      [{ Sandboxed: true }, 101],
    ] as const
  ) {
    await using sandbox = new QuarkSandbox(config);
    deepStrictEqual(await sandbox.run(), { code, output: "" });
    ok(sandbox.log().includes("[ERROR]"), "the log says more");
  }
  await using sandbox = new QuarkSandbox();
  deepStrictEqual(await sandbox.run(undefined, "/"), { code: 255, output: "" });
  deepStrictEqual(await sandbox.run(["sandbox"]), { code: 101, output: "" });
  deepStrictEqual((await sandbox.run(["--version"])).code, 0);
});

Deno.test("the pid file has no permissions and keeps what a longer pid has left", async () => {
  await using sandbox = new QuarkSandbox();
  await sandbox.start();
  strictEqual(Deno.statSync(sandbox.pidFile).mode! & 0o777, 0);
  strictEqual(Deno.readTextFileSync(`/proc/${sandbox.pid}/comm`).trim(), "exe");
  Deno.kill(sandbox.pid, "SIGKILL");
  Deno.writeTextFileSync(sandbox.pidFile, "9".repeat(12));
  await sandbox.run();
  const text = Deno.readTextFileSync(sandbox.pidFile);
  strictEqual(text.length, 12);
  ok(text.endsWith("9999"), text);
  // For the clean-up.
  Deno.writeTextFileSync(sandbox.pidFile, text.replace(/9+$/, ""));
});

Deno.test("a container lives below the bundle, whatever the request says of its own", async () => {
  await using sandbox = new QuarkSandbox();
  const task = await sandbox.start();
  const request = await sandbox.prepare("c1", ["sh", "-c", "echo pid $$; /bin/busybox ls /; exit 7"]);
  deepStrictEqual(await task.create(request), { pid: 123 });
  strictEqual((await task.state({ id: "c1", execId: "" })).status, Status.CREATED);
  const output = sandbox.output("c1");
  await task.start({ id: "c1", execId: "" });
  strictEqual((await task.wait({ id: "c1", execId: "" })).exitStatus, 7);
  strictEqual(await output, "pid 2\nbin\nproc\n");
  const { pid, bundle, exitStatus } = await task.state({ id: "c1", execId: "" });
  deepStrictEqual({ pid, bundle, exitStatus }, { pid: 123, bundle: "/c1", exitStatus: 7 });
  strictEqual((await task.delete({ id: "c1", execId: "" })).exitStatus, 7);
  await rejects(task.state({ id: "c1", execId: "" }), { code: "NOT_FOUND" });
});

Deno.test("processes are added, signalled and waited for one by one", async () => {
  await using sandbox = new QuarkSandbox();
  const task = await sandbox.start();
  const request = await sandbox.prepare("c1", [
    "sh",
    "-c",
    "trap 'exit 9' TERM; while :; do /bin/busybox sleep 0.1; done",
  ]);
  await task.create({ ...request, stdout: "" });
  await task.start({ id: "c1", execId: "" });
  await new Deno.Command("mkfifo", { args: [`${sandbox.bundle}/c1/e1-stdout`] }).output();
  const value = new TextEncoder().encode(
    JSON.stringify({
      args: ["sh", "-c", "[ -d /proc/1/fd ] && echo in; exit 4"],
      cwd: "/",
      env: ["PATH=/bin"],
    }),
  );
  await task.exec({ ...EXEC, id: "c1", stdout: "/c1/e1-stdout", spec: { typeUrl: "", value } });
  const output = sandbox.output("c1", "e1-stdout");
  await task.start({ id: "c1", execId: "e1" });
  strictEqual((await task.wait({ id: "c1", execId: "e1" })).exitStatus, 4);
  strictEqual(await output, "in\n");
  await task.delete({ id: "c1", execId: "e1" });
  await task.kill({ id: "c1", execId: "", signal: 15, all: false });
  strictEqual((await task.wait({ id: "c1", execId: "" })).exitStatus, 9);
});

Deno.test("what is odd about the service is odd here too", async () => {
  await using sandbox = new QuarkSandbox();
  const task = await sandbox.start();
  const request = await sandbox.prepare("c1", ["sh", "-c", "/bin/busybox sleep 100"]);
  await rejects(task.create({ ...request, stdout: "/elsewhere" }), { code: "INTERNAL" });
  await task.create(request);
  await task.start({ id: "c1", execId: "" });
  deepStrictEqual(await task.stats({ id: "c1" }), { stats: undefined });
  await task.closeIO({ id: "c1", execId: "", stdin: true });
  for (const call of [task.pause({ id: "c1" }), task.resume({ id: "c1" })]) {
    await rejects(call, { code: "UNIMPLEMENTED" });
  }
  await rejects(sandbox.v3.state({ id: "c1", execId: "" }), { code: "UNIMPLEMENTED" });
  await task.shutdown({ id: "c1", now: true });
  await task.kill({ id: "c1", execId: "", signal: 9, all: true });
  strictEqual((await task.wait({ id: "c1", execId: "" })).exitStatus, 137);
  await task.delete({ id: "c1", execId: "" });
  await task.shutdown({ id: "s1", now: true }).catch(() => {});
  // What it is asked in the very moment it still answers.
  const code = () => task.state({ id: "c1", execId: "" }).then(() => "", (error) => error.code);
  while (await code() !== "UNAVAILABLE") await new Promise((resolve) => setTimeout(resolve, 10));
});

Deno.test("a bind mount that was left in a spec is refused", async () => {
  await using sandbox = new QuarkSandbox();
  const task = await sandbox.start();
  const bind = { destination: "/x", type: "bind", source: "/etc", options: ["rbind"] };
  await task.create({ ...await sandbox.prepare("c1", ["sh"], [bind]), stdout: "" });
  await rejects(task.start({ id: "c1", execId: "" }), { code: "INTERNAL" });
  ok(sandbox.log().includes("bind mount of /x"), sandbox.log());
});

Deno.test("a program that is not there cannot be started", async () => {
  await using sandbox = new QuarkSandbox();
  const task = await sandbox.start();
  await task.create({ ...await sandbox.prepare("c1", ["/no/such/program"]), stdout: "" });
  await rejects(task.start({ id: "c1", execId: "" }), { code: "INTERNAL" });
});

Deno.test("its containers end with a sandbox that is killed", async () => {
  await using sandbox = new QuarkSandbox();
  const task = await sandbox.start();
  await task.create({ ...await sandbox.prepare("c1", ["sh", "-c", "/bin/busybox sleep 4242"]), stdout: "" });
  await task.start({ id: "c1", execId: "" });
  const { processes } = await task.pids({ id: "c1" });
  const ref = processRef(processes[0]!.pid);
  ok(isAlive(ref));
  const watcher = new ExitWatcher();
  const ended = watcher.watch(ref);
  Deno.kill(sandbox.pid, "SIGKILL");
  await ended;
  await watcher.close();
});
