import { SandboxServiceDefinition } from "../../../lib/proto/gen/grpc/sandbox.ts";
import { createClient, TtrpcClient, TtrpcServer } from "../../../lib/ttrpc/mod.ts";
import { sleep, within } from "../../runtime/deadline.ts";
import { FdStream } from "../../runtime/fd_stream.ts";
import { exitOf, spawnReaped, startReaper } from "../../runtime/reaper.ts";
import { run, runOk } from "../../runtime/run.ts";
import * as sys from "../sys.js";
import { equal, test } from "./check.ts";

/** The code that a promise is rejected with, or "none". */
async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return "none";
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

test("globals: text, timers, microtasks", async () => {
  equal(new TextDecoder().decode(new TextEncoder().encode("\ufeffä")), "ä");
  equal(new TextDecoder("utf-8", { ignoreBOM: true }).decode(new TextEncoder().encode("\ufeffä")), "\ufeffä");
  const order: string[] = [];
  setTimeout((name: string) => order.push(name), 1, "timer");
  queueMicrotask(() => order.push("microtask"));
  const interval = setInterval(() => order.push("tick"), 3);
  await sleep(12);
  clearInterval(interval);
  clearTimeout(undefined);
  const ticks = order.filter((name) => name === "tick").length;
  equal([order[0], order[1], ticks >= 1], ["microtask", "timer", true]);
  await sleep(8);
  equal(order.filter((name) => name === "tick").length, ticks);
});

test("FdStream: large writes meet slow reads", async () => {
  const [a, b] = sys.socketpair().map((fd) => new FdStream(fd)) as [FdStream, FdStream];
  const data = new Uint8Array(3_000_000).map((_, i) => i * 7);
  const written = a.write(data).then(() => a.close());
  let size = 0;
  let same = true;
  for (let chunk = await b.read(); chunk; chunk = await b.read()) {
    same &&= chunk.every((byte, i) => byte === data[size + i]);
    size += chunk.length;
  }
  await written;
  equal([size, same], [3_000_000, true]);
  equal(await b.read(), null);
  b.close();
  b.close();
});

test("FdStream: close ends a pending read and write", async () => {
  const [a, b] = sys.socketpair().map((fd) => new FdStream(fd)) as [FdStream, FdStream];
  const reading = a.read();
  const writing = codeOf(a.write(new Uint8Array(10_000_000)));
  await sleep(5);
  a.close();
  equal([await reading, await writing], [null, "UNAVAILABLE"]);
  equal((await b.read())!.length > 0, true);
  b.close();
});

test("within: late work is given up", async () => {
  let givenUp = false;
  equal(await codeOf(within(5, "wait", new Promise(() => {}), () => givenUp = true)), "DEADLINE_EXCEEDED");
  equal([givenUp, await within(1000, "wait", Promise.resolve(7))], [true, 7]);
});

test("run: output, input, exit code, time limit, no such program", async () => {
  const stdin = sys.utf8Encode("x".repeat(200_000));
  const counted = await run(["/bin/sh", "-c", "wc -c; echo err >&2; exit 3"], { stdin });
  equal([counted.code, counted.stdout.trim(), counted.stderr], [3, "200000", "err\n"]);
  equal(
    (await run(["/bin/sh", "-c", "cat /dev/zero | head -c 100000"], { maxOutputBytes: 10 })).stdout.length,
    10,
  );
  equal(
    await codeOf(run(["/bin/sh", "-c", "sleep 100 & sleep 100"], { timeoutMs: 50 })),
    "DEADLINE_EXCEEDED",
  );
  equal(await codeOf(run(["/does/not/exist"])), "ENOENT");
  equal(await codeOf(runOk(["/bin/false"])), "INTERNAL");
  equal(await runOk(["/bin/echo", "hi"]), "hi\n");
});

test("the reaper keeps an exit for whoever asks late", async () => {
  startReaper();
  const pid = spawnReaped({ argv: ["/bin/sh", "-c", "exit 5"] });
  await sleep(50);
  equal([(await exitOf(pid)).code, sys.waitAny()], [5, null]);
  const both = spawnReaped({ argv: ["/bin/sh", "-c", "exit 6"] });
  equal((await Promise.all([exitOf(both), exitOf(both)])).map(({ code }) => code), [6, 6]);
});

test("ttrpc: calls over a socket, small and large, and a peer that breaks the framing", async () => {
  const server = new TtrpcServer();
  server.add(SandboxServiceDefinition, {
    check: () => ({}),
    execVMProcess: ({ command, stdin }) => ({ out: `${command}${stdin.length}` }),
  });
  const [a, b] = sys.socketpair();
  const served = server.serve(new FdStream(b));
  const client = new TtrpcClient(new FdStream(a));
  const service = createClient(SandboxServiceDefinition, client, { timeoutMs: 20_000 });
  await Promise.all(Array.from({ length: 200 }, () => service.check({ service: "" })));
  equal((await service.execVMProcess({ command: "ä", stdin: new Uint8Array(3_000_000) })).out, "ä3000000");
  equal(await codeOf(service.updateRoutes({ routes: [] })), "UNIMPLEMENTED");
  client.close();
  await served;

  const [c, d] = sys.socketpair();
  const broken = server.serve(new FdStream(d));
  const raw = new FdStream(c);
  await raw.write(new Uint8Array(20).fill(0xff));
  while (await raw.read());
  await broken;
  raw.close();
});

test("calls leave no memory behind", async () => {
  const server = new TtrpcServer();
  server.add(SandboxServiceDefinition, { check: () => ({}) });
  const rounds = async (count: number) => {
    const [a, b] = sys.socketpair();
    const served = server.serve(new FdStream(b));
    const client = new TtrpcClient(new FdStream(a));
    const service = createClient(SandboxServiceDefinition, client, { timeoutMs: 20_000 });
    for (let i = 0; i < count; i++) await service.check({ service: "" });
    client.close();
    await served;
    sys.trimMemory();
    return sys.heapUsage().objects;
  };
  await rounds(100);
  const before = await rounds(100);
  const after = await rounds(1000);
  equal(after - before < 50, true);
});
