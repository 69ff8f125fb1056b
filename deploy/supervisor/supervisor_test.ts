import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import type { KuasarError } from "../../lib/errors/mod.ts";
import { startTimeOf, stillRunning, writePidFile } from "./pid_file.ts";
import type { ProcessSpec } from "./spec.ts";
import { Supervisor } from "./supervisor.ts";

/** Serves one inherited socket: answers every connection with its pid and the variables of the hand-over. */
const SERVER = `
import { createServer } from "node:net";
createServer((socket) => {
  const { LISTEN_FDS, LISTEN_FDNAMES, LISTEN_PID } = Deno.env.toObject();
  socket.end(JSON.stringify({ pid: Deno.pid, LISTEN_FDS, LISTEN_FDNAMES, LISTEN_PID }));
}).listen({ fd: 3 });
console.log("serving");
`;

interface Answer {
  pid: number;
  LISTEN_FDS: string;
  LISTEN_FDNAMES: string;
  LISTEN_PID: string;
}

async function withSupervisor(
  run: (supervisor: Supervisor, dir: string, lines: string[]) => Promise<void>,
  change: Partial<ProcessSpec> = {},
): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "ks-" });
  await Deno.writeTextFile(`${dir}/server.ts`, SERVER);
  const lines: string[] = [];
  const spec: ProcessSpec = {
    name: "server",
    command: Deno.execPath(),
    args: ["run", "-A", "--no-check", "--quiet", `${dir}/server.ts`],
    env: {},
    sockets: [{ name: "main", path: `${dir}/main.sock` }],
    stopGraceMs: 5_000,
    ...change,
  };
  const supervisor = await Supervisor.start({
    runDir: dir,
    specs: [spec],
    onLine: (name, line) => lines.push(`${name}: ${line}`),
  });
  try {
    await run(supervisor, dir, lines);
  } finally {
    await supervisor.stop();
    await Deno.remove(dir, { recursive: true });
  }
}

async function ask(path: string): Promise<Answer> {
  const connection = await Deno.connect({ transport: "unix", path });
  const text = await new Response(connection.readable).text();
  return JSON.parse(text);
}

Deno.test("a child gets its sockets as systemd would give them", async () => {
  await withSupervisor(async (supervisor, dir) => {
    const answer = await ask(`${dir}/main.sock`);
    deepStrictEqual(answer, {
      pid: supervisor.pids.get("server"),
      LISTEN_FDS: "1",
      LISTEN_FDNAMES: "main",
      LISTEN_PID: String(answer.pid),
    });
    strictEqual((await Deno.stat(`${dir}/main.sock`)).mode! & 0o777, 0o600);
  });
});

Deno.test("a connection made while the server is dead is answered by its successor", async () => {
  await withSupervisor(async (supervisor, dir, lines) => {
    const first = await ask(`${dir}/main.sock`);
    Deno.kill(first.pid, "SIGKILL");
    // No waiting: the socket never refuses. The dead server may still have taken one connection.
    let second: Answer | undefined;
    while (!second) second = await ask(`${dir}/main.sock`).catch(() => undefined);
    ok(second.pid !== first.pid);
    strictEqual(supervisor.restartsOf("server"), 1);
    ok(lines.some((l) => l.includes("ended by SIGKILL; starting it again")));
  });
});

Deno.test("a process on demand starts with its first client, and then stays", async () => {
  await withSupervisor(async (supervisor, dir) => {
    strictEqual(supervisor.pids.get("server"), undefined);
    const first = await ask(`${dir}/main.sock`);
    strictEqual(supervisor.pids.get("server"), first.pid);
    strictEqual((await ask(`${dir}/main.sock`)).pid, first.pid);
  }, { onDemand: true });
});

Deno.test("a process on demand that nobody asks for never starts", async () => {
  await withSupervisor(async (supervisor) => {
    await supervisor.stop();
    strictEqual(supervisor.pids.size, 0);
  }, { onDemand: true });
});

Deno.test("stop leaves no process, no socket and no pid file", async () => {
  await withSupervisor(async (supervisor, dir) => {
    const { pid } = await ask(`${dir}/main.sock`);
    await supervisor.stop();
    strictEqual(await startTimeOf(pid), undefined);
    const left = [...Deno.readDirSync(dir)].map((e) => e.name);
    deepStrictEqual(left, ["server.ts"]);
  });
});

Deno.test("the pid file names only processes with the same start time", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const path = `${dir}/pids.json`;
    await writePidFile(path, [{ name: "self", pid: Deno.pid }, { name: "gone", pid: 2 ** 22 + 1 }]);
    deepStrictEqual((await stillRunning(path)).map((p) => p.name), ["self"]);
    const record = { name: "self", pid: Deno.pid, startTime: 1 };
    await Deno.writeTextFile(path, JSON.stringify([record]));
    deepStrictEqual(await stillRunning(path), []);
    await Deno.writeTextFile(path, "{ broken");
    deepStrictEqual(await stillRunning(path), []);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("what an earlier supervisor left is ended, and a run directory in use is refused", async () => {
  const dir = await Deno.makeTempDir({ prefix: "ks-" });
  const orphan = new Deno.Command("/bin/sleep", { args: ["1000"] }).spawn();
  try {
    await writePidFile(`${dir}/supervisor.json`, [{ name: "orphan", pid: orphan.pid }]);
    // A parent that does not wait keeps the process as a zombie, so wait beside it.
    const ended = orphan.status;
    const supervisor = await Supervisor.start({ runDir: dir, specs: [], onLine: () => {} });
    strictEqual((await ended).signal, "SIGTERM");
    await supervisor.stop();
    await writePidFile(`${dir}/supervisor.json`, [{ name: "supervisor", pid: Deno.pid }]);
    const second = Supervisor.start({ runDir: dir, specs: [], onLine: () => {} });
    await rejects(second, (error: KuasarError) => error.code === "FAILED_PRECONDITION");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("a process that ends again and again is given up by name, however long one that starts slowly may take", async () => {
  const dir = await Deno.makeTempDir({ prefix: "ks-" });
  try {
    const spec = {
      name: "broken",
      command: "/bin/sh",
      args: ["-c", "exit 3"],
      env: {},
      sockets: [],
      readySocket: `${dir}/never.sock`,
      stopGraceMs: 1_000,
    };
    await rejects(Supervisor.start({ runDir: dir, specs: [spec], onLine: () => {} }), {
      code: "UNAVAILABLE",
      message: /^Cannot start broken: it was started \d+ times and ended with code 3$/,
    });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
