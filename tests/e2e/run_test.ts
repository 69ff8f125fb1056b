/** `kuasar-ctl run`: a pod and a container by one command, as a person or a script has them. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { message } from "../../lib/cri/mod.ts";
import { root } from "../../lib/build/mod.ts";
import { ListPodSandboxRequest } from "../../lib/proto/gen/runtime/v1/cri.ts";
import type { Node } from "../harness/mod.ts";
import { e2eOurs, useNode } from "./fixture.ts";

/** Nothing of it depends on the kind of pod; this is the cheapest. */
const node = useNode({ handler: "kuasar-runc", drivers: ["runc"] });

const BUSYBOX = "docker.io/library/busybox:kuasar";

function commandOf(node: Node, args: readonly string[]): string[] {
  const program = ["run", "-A", "--no-check", "--quiet", `${root}/services/ctl/main.ts`];
  return [...program, "run", "--run-dir", node.runDir, "--kind", "runc", ...args];
}

async function gc(node: Node, ...args: string[]): Promise<{ found: { kind: string; pid: number }[] }> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", `${root}/services/ctl/main.ts`, "gc"]
      .concat(["--run-dir", node.runDir, "--json", ...args]),
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

function start(node: Node, ...args: string[]): Deno.ChildProcess {
  const stdio = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  return new Deno.Command(Deno.execPath(), { args: commandOf(node, args), ...stdio }).spawn();
}

interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

async function run(node: Node, args: string[], input = ""): Promise<Result> {
  const child = start(node, ...args);
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input)).catch(() => {});
  await writer.close().catch(() => {});
  const { code, stdout, stderr } = await child.output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: decode(stdout), stderr: decode(stderr) };
}

/** Nothing is left of the pods that were run: `e2e` looks at the host, this at containerd and our folder. */
async function checkNothingLeft(node: Node): Promise<void> {
  const { items } = await node.cri.runtime.listPodSandbox(message(ListPodSandboxRequest));
  deepStrictEqual(items, []);
  deepStrictEqual([...Deno.readDirSync(node.runDir)].filter(({ name }) => name === "ctl"), []);
}

e2eOurs(
  "run shows what a program writes at once, each stream, and exits with its code",
  node,
  async (node) => {
    const script = "printf out; printf 'err\\n\\nor' >&2; exit 42";
    deepStrictEqual(await run(node, [BUSYBOX, "sh", "-c", script]), {
      code: 42,
      stdout: "out",
      stderr: "err\n\nor",
    });
    await checkNothingLeft(node);
  },
);

e2eOurs("run hands on stdin until its end, and all bytes of both", node, async (node) => {
  const lines = Array.from({ length: 60_000 }, (_, i) => `line ${i} of what goes in and out`).join("\n") +
    "\n";
  const result = await run(node, ["-i", BUSYBOX, "cat"], lines);
  strictEqual(result.code, 0, result.stderr);
  strictEqual(result.stdout.length, lines.length);
  strictEqual(result.stdout === lines, true);
  await checkNothingLeft(node);
});

e2eOurs("run gives a program variables, files and limits", node, async (node) => {
  const flags = ["-e", "ONE=1", "--env", "TWO=a b", "-v", `${root}/README.md:/r.md:ro`, "--memory", "64"];
  const script =
    "echo $ONE $TWO; head -n1 /r.md; touch /r.md || cat /sys/fs/cgroup/memory/memory.limit_in_bytes " +
    "/sys/fs/cgroup/memory.max 2>/dev/null; true";
  const { code, stdout, stderr } = await run(node, [...flags, BUSYBOX, "sh", "-c", script]);
  strictEqual(code, 0, stderr);
  match(stdout, /^1 a b\n# Kuasar in TypeScript\n67108864\n/);
  await checkNothingLeft(node);
});

e2eOurs("run gives a program a terminal", node, async (node) => {
  const command = [
    Deno.execPath(),
    ...commandOf(node, [
      "-it",
      BUSYBOX,
      "sh",
      "-c",
      'tty; while s=$(stty size 2>/dev/null); [ -z "$s" ]; do sleep 0.1; done; echo $s; read a; echo [$a]',
    ]),
  ];
  const quoted = command.map((word) => `'${word}'`).join(" ");
  // `script` gives it a terminal of its own, of this size. Deno's raw mode leaves the output's newlines to it.
  const child = new Deno.Command("script", {
    args: ["-qec", `stty rows 41 cols 97; ${quoted}`, "/dev/null"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  let shown = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    const before = shown;
    shown += text;
    // Not before it is raw: what is typed before is the outer terminal's to echo.
    if (!/41 97\r+\n/.test(before) && /41 97\r+\n/.test(shown)) {
      await writer.write(new TextEncoder().encode("typed\r"));
    }
  }
  await writer.close();
  strictEqual((await child.status).code, 0, shown);
  match(shown, /^\/dev\/\S+\r+\n41 97\r+\n/);
  match(shown, /\[typed\]\r+\n$/);
  await checkNothingLeft(node);
});

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  e2eOurs(`run that is ended by ${signal} leaves nothing`, node, async (node) => {
    const child = start(
      node,
      BUSYBOX,
      "sh",
      "-c",
      "trap 'echo asked; exit 3' TERM; echo runs; sleep 1000 & wait",
    );
    let shown = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      if (shown === "") child.kill(signal);
      shown += text;
    }
    await child.stdin.close();
    const stderr = await new Response(child.stderr).text();
    strictEqual((await child.status).code, code, stderr);
    strictEqual(shown, "runs\nasked\n");
    await checkNothingLeft(node);
  });
}

e2eOurs("run whose reader has seen enough leaves nothing", node, async (node) => {
  const child = start(node, BUSYBOX, "sh", "-c", "while :; do echo more; sleep 0.1; done");
  await child.stdin.close();
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  const stderr = await new Response(child.stderr).text();
  strictEqual((await child.status).code, 141, stderr);
  await checkNothingLeft(node);
});

e2eOurs("run says what to do where something is not there", node, async (node) => {
  // Nobody listens there.
  const image = await run(node, ["localhost:1/none:1"]);
  strictEqual(image.code, 125);
  match(image.stderr, /Cannot use the image localhost:1\/none:1[^]*images import FILE.tar[^]*busybox:kuasar/);
  const program = await run(node, [BUSYBOX, "no-such-program"]);
  strictEqual(program.code, 125);
  match(program.stderr, /no-such-program/);
  // Known to us and to this containerd; its driver does not run on this node.
  const kind = await run(node, ["--kind", "none", BUSYBOX]);
  strictEqual(kind.code, 2);
  match(kind.stderr, /qemu.*gvisor/);
  const containerd = await run(node, ["--containerd", "/run/none.sock", BUSYBOX]);
  strictEqual(containerd.code, 125);
  match(containerd.stderr, /deno task start/);
  await checkNothingLeft(node);
});

e2eOurs(
  "gc removes what a run that was killed has left, and nothing of one that runs",
  node,
  async (node) => {
    const [killed, running] = await Promise.all([0, 1].map(async () => {
      const child = start(node, "-i", BUSYBOX, "sh", "-c", "echo runs; cat");
      const reader = child.stdout.getReader();
      await reader.read();
      return { child, reader };
    }));
    killed!.child.kill("SIGKILL");
    await killed!.child.status;
    const left = ["pod", "folder"].map((kind) => [kind, killed!.child.pid]);
    for (const args of [[], ["--remove"]]) {
      deepStrictEqual((await gc(node, ...args)).found.map(({ kind, pid }) => [kind, pid]), left);
    }
    deepStrictEqual((await gc(node)).found, []);
    await running!.child.stdin.close();
    strictEqual((await running!.reader.read()).done, true);
    strictEqual((await running!.child.status).code, 0);
    for (const { child, reader } of [killed!, running!]) {
      await reader.cancel();
      await child.stderr.cancel();
    }
    await killed!.child.stdin.abort().catch(() => {});
    await checkNothingLeft(node);
  },
);
