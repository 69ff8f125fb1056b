/** nerdctl, which runs our shim program as one of its runtimes. No Debian package has it: it is taken from the PATH. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { hostTools } from "../../deploy/host/mod.ts";
import { findNerdctl, Nerdctl, NERDCTL_NAMESPACE } from "../harness/mod.ts";
import { checkKernel, e2eOurs, imageArchive, useNode } from "./fixture.ts";
import { shimProcesses } from "./shim_pod.ts";

const program = findNerdctl();
const node = program === undefined ? () => undefined as never : useNode();
const IMAGE = "docker.io/library/busybox:kuasar";
/** Fifteen characters at most. */
const BRIDGE = `ktn${Deno.pid}`;

let nerdctl: Nerdctl;
if (program === undefined) {
  console.log("skipped: the tests of nerdctl, which is not on the PATH");
} else {
  Deno.test.beforeAll(async () => {
    nerdctl = new Nerdctl(program, node(), hostTools().cniBinDir);
    await node().importImage(imageArchive("busybox"), NERDCTL_NAMESPACE);
  });
}

/** A test that leaves no container over, however it ends. */
function test(name: string, run: () => Promise<void>): void {
  if (program === undefined) return;
  e2eOurs(name, node, async () => {
    try {
      await run();
    } finally {
      const { stdout } = await nerdctl.call(["ps", "-aq"]);
      for (const id of stdout.split("\n").filter(Boolean)) await nerdctl.call(["rm", "-f", id]);
    }
  });
}

const alone = ["--network", "none"];

/** Starts a container in the background. */
async function start(name: string, flags: readonly string[], command: readonly string[]): Promise<void> {
  const { code, stderr } = await nerdctl.run(["-d", "--name", name, ...flags], IMAGE, command);
  strictEqual(code, 0, stderr);
}

async function status(name: string): Promise<string> {
  return (await nerdctl.call(["inspect", "-f", "{{.State.Status}}", name])).stdout.trim();
}

test("nerdctl run shows both streams and the exit code", async () => {
  const script = "echo out; uname -r; echo err >&2; exit 42";
  const { code, stdout, stderr } = await nerdctl.run(["--rm", ...alone], IMAGE, ["sh", "-c", script]);
  strictEqual(code, 42, stderr);
  const [first, kernel = ""] = stdout.trim().split("\n");
  strictEqual(first, "out");
  checkKernel(kernel);
  match(stderr, /err/);
});

test("nerdctl run -it has a terminal", async () => {
  const { code, stdout } = await nerdctl.inTerminal(
    nerdctl.runArguments(["--rm", "-it", ...alone], IMAGE, [
      "sh",
      "-c",
      "test -t 0 && echo a terminal; exit 5",
    ]),
  );
  strictEqual(code, 5, stdout);
  match(stdout, /a terminal/);
});

test("a container of nerdctl's in the background does all that one can do", async () => {
  const limits = ["--memory", "256m", "--cpus", "0.5"];
  await start("sleeper", [...alone, ...limits], ["sh", "-c", "echo to the log; exec sleep 1000"]);
  deepStrictEqual(shimProcesses(node()), [], "a container has no shim process");
  const exec = await nerdctl.call(["exec", "-i", "sleeper", "sh", "-c", "cat; exit 7"], "a line\n");
  strictEqual(exec.stdout, "a line\n", exec.stderr);
  match(exec.stderr, /exit code 7/);
  strictEqual((await nerdctl.call(["logs", "sleeper"])).stdout, "to the log\n");
  // Quark has neither numbers nor a pause.
  if (node().handler !== "kuasar-quark") {
    match((await nerdctl.call(["stats", "--no-stream", "sleeper"])).stdout, /\/ 256MiB/);
    strictEqual((await nerdctl.call(["pause", "sleeper"])).code, 0);
    strictEqual(await status("sleeper"), "paused");
    strictEqual((await nerdctl.call(["unpause", "sleeper"])).code, 0);
  }
  strictEqual((await nerdctl.call(["restart", "-t", "1", "sleeper"])).code, 0);
  strictEqual(await status("sleeper"), "running");
  strictEqual((await nerdctl.call(["kill", "sleeper"])).code, 0);
  strictEqual((await nerdctl.call(["wait", "sleeper"])).stdout.trim(), "137");
  strictEqual((await nerdctl.call(["start", "sleeper"])).code, 0);
  strictEqual((await nerdctl.call(["stop", "-t", "1", "sleeper"])).code, 0);
  strictEqual(await status("sleeper"), "exited");
  strictEqual((await nerdctl.call(["rm", "sleeper"])).code, 0);
});

test("a container in the background with a terminal has its output in the log", async () => {
  await start("terminal", ["-t", ...alone], ["sh", "-c", "test -t 1 && echo a terminal"]);
  strictEqual((await nerdctl.call(["wait", "terminal"])).stdout.trim(), "0");
  // Its program may still be reading when the container has ended.
  let shown = "";
  for (let waitedMs = 0; !shown.includes("a terminal") && waitedMs < 20_000; waitedMs += 100) {
    shown = (await nerdctl.call(["logs", "terminal"])).stdout;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  match(shown, /a terminal/);
});

test("containers of one network of nerdctl's reach each other, and volumes are there", async () => {
  const files = await Deno.makeTempDir({ dir: node().runDir });
  await Deno.writeTextFile(`${files}/page`, "a page\n");
  const network = ["--network", await nerdctl.makeNetwork(BRIDGE)];
  try {
    await start("web", [...network, "-v", `${files}:/www`], ["httpd", "-f", "-p", "80", "-h", "/www"]);
    const { stdout } = await nerdctl.call(["exec", "web", "ip", "-4", "addr", "show", "eth0"]);
    const address = /inet (10[\d.]+)\//.exec(stdout)?.[1];
    ok(address, stdout);
    const page = await nerdctl.run(["--rm", ...network], IMAGE, ["wget", "-qO-", `http://${address}/page`]);
    strictEqual(page.stdout, "a page\n", page.stderr);
    strictEqual((await nerdctl.call(["rm", "-f", "web"])).code, 0);
  } finally {
    await nerdctl.call(["rm", "-f", "web"]);
    await new Deno.Command("ip", { args: ["link", "delete", BRIDGE] }).output();
    await Deno.remove(files, { recursive: true });
  }
});
