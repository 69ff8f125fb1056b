import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { closeFd, pipe, readFd } from "../libc/mod.ts";
import { parseStat } from "./process_ref.ts";
import {
  ExitWatcher,
  exitWithin,
  isAlive,
  killProcess,
  processRef,
  spawnWithFds,
  startTime,
  terminate,
} from "./mod.ts";

const gone = { pid: Deno.pid, startTime: 1 };

Deno.test("a name with parentheses does not confuse the reading of stat", () => {
  const rest = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20";
  deepStrictEqual(parseStat(`77 (a) b (c)) ${rest}`), { state: "S", startTime: 4242 });
});

Deno.test("a process is recognised by its start time", () => {
  strictEqual(processRef(Deno.pid).startTime, startTime(Deno.pid));
  ok(isAlive(processRef(Deno.pid)));
  strictEqual(isAlive(gone), false);
  strictEqual(startTime(2 ** 22 + 1), undefined);
  strictEqual(killProcess(gone, "SIGKILL"), false, "and we are still here");
});

Deno.test("a watcher tells the end of many processes, with their status where the kernel knows", async () => {
  const watcher = new ExitWatcher();
  const children = await Promise.all(
    [0, 42, 7].map((code) => spawnWithFds("/bin/sh", ["-c", `read x; exit ${code}`])),
  );
  // stdin is /dev/null: each ends at once or soon.
  const exits = await Promise.all(children.map(({ ref }) => watcher.watch(ref)));
  strictEqual(exits.length, 3);
  deepStrictEqual((await Promise.all(children.map(({ exited }) => exited))).map(({ code }) => code), [
    0,
    42,
    7,
  ]);
  for (const { ref } of children) strictEqual(isAlive(ref), false);
  deepStrictEqual(await watcher.watch(gone), {});
  await watcher.close();
  await watcher.close();
});

Deno.test("watching can be given up and taken up again", async () => {
  const watcher = new ExitWatcher();
  const { ref, exited } = await spawnWithFds("/bin/sleep", ["60"]);
  strictEqual(await exitWithin(watcher, ref, 1), undefined);
  strictEqual(await exitWithin(watcher, ref, 1), undefined);
  const watched = watcher.watch(ref);
  ok(killProcess(ref, "SIGKILL"));
  await watched;
  strictEqual((await exited).signal, "SIGKILL");
  await watcher.close();
});

Deno.test("terminate is gentle first, then not, and repeatable", async () => {
  const watcher = new ExitWatcher();
  const [reader, writer] = pipe();
  const script = "trap '' TERM; echo set >&3; exec 3>&-; while :; do sleep 0.05; done";
  const gentle = await spawnWithFds("/bin/sleep", ["60"]);
  await terminate(gentle.ref, { graceMs: 10_000, watcher });
  strictEqual((await gentle.exited).signal, "SIGTERM");
  const stubborn = await spawnWithFds("/bin/sh", ["-c", script], { fds: [writer] });
  readFd(reader, new Uint8Array(8));
  await terminate(stubborn.ref, { graceMs: 20, watcher });
  strictEqual((await stubborn.exited).signal, "SIGKILL");
  await terminate(stubborn.ref, { graceMs: 20, watcher });
  [reader, writer].forEach(closeFd);
  await watcher.close();
});

Deno.test("descriptors, directory, environment and logs reach the program", async () => {
  const directory = Deno.makeTempDirSync();
  const [reader, writer] = pipe();
  try {
    const log = `${directory}/log`;
    const child = await spawnWithFds("/bin/sh", [
      "-c",
      "pwd; echo $NAME >&2; exec ls /proc/self/fd >&3",
    ], {
      fds: [writer],
      cwd: directory,
      env: { NAME: "kuasar", PATH: "/bin:/usr/bin" },
      stdoutFile: log,
      stderrFile: log,
    });
    deepStrictEqual(await child.exited, { code: 0, signal: null });
    strictEqual(Deno.readTextFileSync(log), `${Deno.realPathSync(directory)}\nkuasar\n`);
    const fds = new Uint8Array(100);
    const listed = new TextDecoder().decode(fds.subarray(0, readFd(reader, fds))).trim().split("\n");
    ok(listed.includes("3"));
    ok(!listed.includes(String(reader)), `our own descriptors leak into children: ${listed}`);
  } finally {
    [reader, writer].forEach(closeFd);
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("a program that is missing or not executable is a clear error", async () => {
  await rejects(spawnWithFds("/nonexistent/qemu", []), { code: "NOT_FOUND" });
  await rejects(spawnWithFds("/etc/passwd", []), { code: "PERMISSION_DENIED" });
});
