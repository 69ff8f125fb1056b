import { match, ok, strictEqual } from "node:assert/strict";
import { leftovers } from "../../deploy/leftovers.ts";
import { readLines } from "../../deploy/supervisor/lines.ts";
import { root } from "../../lib/build/mod.ts";
import { comparing } from "./fixture.ts";

const RUN_DIR = "/run/ktstart";

/** How the set is started, and how it is told to stop. */
interface Way {
  name: string;
  command: readonly string[];
  stop(child: Deno.ChildProcess): Promise<void> | void;
}

const START = ["--no-setup", "--run-dir", RUN_DIR];

const WAYS: readonly Way[] = [
  {
    name: "SIGINT to it alone",
    command: [Deno.execPath(), "run", "-A", "--no-check", "--quiet", `${root}/deploy/start.ts`, ...START],
    stop: (child) => child.kill("SIGINT"),
  },
  {
    // A terminal interrupts every process in its foreground: those of the set must not take it for their end.
    name: "Ctrl-C in a terminal",
    // `exec`: a shell that waits would be interrupted too, and dash then ends with 130 whatever its child said.
    command: ["script", "-qec", `exec ${Deno.execPath()} task start ${START.join(" ")}`, "/dev/null"],
    async stop(child) {
      const keyboard = child.stdin.getWriter();
      await keyboard.write(new Uint8Array([0x03]));
      keyboard.releaseLock();
    },
  },
];

async function startAndStop({ command: [program, ...args], stop }: Way): Promise<void> {
  const child = new Deno.Command(program!, {
    args,
    cwd: root,
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines: string[] = [];
  const ready = Promise.withResolvers<void>();
  const output = readLines(child.stdout, (line) => {
    // deno-lint-ignore no-control-regex -- a terminal gets colours
    lines.push(line.replace(/\x1b\[[0-9;]*m/g, ""));
    if (line.includes("Ready. Handler")) ready.resolve();
  }).then(() => ready.reject(new Error(lines.join("\n"))));
  output.catch(() => {});
  try {
    await ready.promise;
    await stop(child);
    const { code } = await child.status;
    await output;
    strictEqual(code, 0, lines.join("\n"));
    match(lines.join("\n"), /Nothing is left running or mounted/);
    ok(lines.some((line) => /^sandboxer +\|/.test(line)), "lines have prefixes");
    ok(!lines.some((line) => line.includes("signal=SIGINT")), "only the set as a whole is interrupted");
    strictEqual(leftovers(RUN_DIR).join("\n"), "");
  } finally {
    await child.stdin.close().catch(() => {});
    await Deno.remove(RUN_DIR, { recursive: true }).catch(() => {});
    await Deno.remove(`${root}/build/containerd-run-ktstart`, { recursive: true }).catch(() => {});
  }
}

for (const way of WAYS) {
  Deno.test({
    name: `deno task start runs the set and ends without a trace at ${way.name}`,
    ignore: comparing,
    fn: () => startAndStop(way),
  });
}
