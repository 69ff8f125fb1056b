import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { installWasmtime } from "../../deploy/host/wasmtime.ts";
import { WASM } from "../../image/wasm/images.ts";
import { buildDir } from "../../lib/build/mod.ts";
import { nodePrograms } from "../../deploy/programs.ts";
import type { NodePrograms } from "../../deploy/programs.ts";
import { e2e, imageArchive, useNode } from "./fixture.ts";

const MIB = 1 << 20;

/** A node whose Wasm driver uses Wasmtime: what `KUASAR_WASMTIME` names, else one that is fetched where it is not there yet. */
const node = useNode(async () => {
  const programs = nodePrograms();
  const wasmtime = Deno.env.get("KUASAR_WASMTIME") ?? await installWasmtime();
  return {
    handler: "kuasar-wasm",
    images: [imageArchive("busybox"), `${buildDir}/images/wasm.tar`],
    programs: { ...programs, tools: { ...programs.tools, wasmtime } } as NodePrograms,
  };
});

e2e("Wasmtime runs modules: arguments, variables, exit codes, traps", node, async (node) => {
  const pod = await node.runPod({ name: "wasmtime" });
  const run = async (name: string, command: string[], more = {}) => {
    const container = await pod.run({ name, image: WASM, command, ...more });
    const { exitCode } = await container.waitForExit();
    return { code: exitCode, lines: await container.logLines() };
  };
  deepStrictEqual(await run("hello", ["/hello.wasm"]), { code: 0, lines: ["hello from Wasm"] });
  const { lines } = await run("report", ["report.wasm", "--dir", "x"], { env: { DASH: "-v" } });
  for (const line of ["arg report.wasm", "arg --dir", "arg x", "env DASH=-v", "env PWD=/"]) {
    ok(lines.includes(line), line);
  }
  strictEqual((await run("exit", ["/exit.wasm", "42"])).code, 42);
  const trap = await run("trap", ["/exit.wasm"]);
  strictEqual(trap.code, 134);
  match(trap.lines.join("\n"), /unreachable/);
  // Compiled meanwhile, and no other for it.
  deepStrictEqual(await run("again", ["/hello.wasm"]), { code: 0, lines: ["hello from Wasm"] });
  // WasmEdge's sockets are nobody else's.
  ok((await run("http", ["/http.wasm"])).code !== 0);
  await pod.remove();
});

e2e("Wasmtime runs components, and tells how they end", node, async (node) => {
  const pod = await node.runPod({ name: "component" });
  for (const [name, code] of [["component", 0], ["component-fails", 1], ["component", 0]] as const) {
    const container = await pod.run({
      name: `c${crypto.randomUUID().slice(0, 8)}`,
      image: WASM,
      command: [`/${name}.wasm`],
    });
    strictEqual((await container.waitForExit()).exitCode, code, name);
  }
  await pod.remove();
});

e2e("Wasmtime: read-only is enforced by the mounts, memory by both limits", node, async (node) => {
  const dir = `${node.runDir}/wasmtime-volume`;
  await Deno.mkdir(dir);
  await Deno.writeTextFile(`${dir}/greeting`, "from the host\n");
  const pod = await node.runPod({ name: "files" });
  const mounts = [
    { containerPath: "/rw", hostPath: dir },
    { containerPath: "/ro", hostPath: dir, readonly: true },
  ];
  let count = 0;
  const run = async (command: string[], more = {}) =>
    (await (await pod.run({ name: `c${count++}`, image: WASM, command, mounts, ...more })).waitForExit())
      .exitCode;
  strictEqual(await run(["/files.wasm", "write", "/rw/answer", "from the module"]), 0);
  ok(await run(["/files.wasm", "write", "/ro/answer", "no"]) !== 0);
  strictEqual(await Deno.readTextFile(`${dir}/answer`), "from the module");
  ok(await run(["/files.wasm", "write", "/tmp/x", "no"], { readonlyRootfs: true }) !== 0);
  strictEqual(await run(["/hog.wasm", "8"], { memoryLimitBytes: 64 * MIB }), 0);
  ok([7, 137].includes(await run(["/hog.wasm"], { memoryLimitBytes: 64 * MIB })));
  await pod.remove();
  await Deno.remove(dir, { recursive: true });
});

e2e("Wasmtime: signals, time limits, exec", node, async (node) => {
  const pod = await node.runPod({ name: "end", annotations: { "io.kuasar.wasm.time_limit_ms": "20000" } });
  const loop = await pod.run({ name: "loop", image: WASM, command: ["/loop.wasm"] });
  await loop.waitForLog("computing");
  await rejects(loop.exec(["sh"]), /it runs the Wasm module loop\.wasm/);
  await loop.stop(30);
  strictEqual((await loop.status()).exitCode, 143);
  await pod.remove();
  const slow = await node.runPod({ name: "slow", annotations: { "io.kuasar.wasm.time_limit_ms": "1000" } });
  const late = await slow.run({ name: "late", image: WASM, command: ["/loop.wasm"] });
  strictEqual((await late.waitForExit()).exitCode, 137);
  await slow.remove();
});
