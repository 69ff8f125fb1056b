/** Docker, which runs our shim program as one of its runtimes. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { checkKernel, e2eOurs, useNode } from "./fixture.ts";
import { DockerDaemon } from "./docker_daemon.ts";
import { shimProcesses } from "./shim_pod.ts";

const node = useNode();
const IMAGE = "busybox:kuasar";

let docker: DockerDaemon;
Deno.test.beforeAll(async () => {
  docker = await DockerDaemon.start(node());
  await docker.importBusybox(IMAGE);
});
Deno.test.afterAll(async () => await docker?.stop());

/** `docker run` with our runtime. */
function run(flags: readonly string[], command: readonly string[], stdin?: string) {
  return docker.call(
    ["run", "--runtime", node().handler, "--network=none", ...flags, IMAGE, ...command],
    stdin,
  );
}

e2eOurs("docker run shows both streams and the exit code", node, async () => {
  const script = "echo out; uname -r; echo err >&2; exit 42";
  const { code, stdout, stderr } = await run(["--rm"], ["sh", "-c", script]);
  strictEqual(code, 42, stderr);
  const [first, kernel = ""] = stdout.trim().split("\n");
  strictEqual(first, "out");
  checkKernel(kernel);
  match(stderr, /err/);
});

e2eOurs("docker run hands on its input and the end of it", node, async () => {
  const { code, stdout, stderr } = await run(["--rm", "-i"], ["sh", "-c", "cat; echo end"], "a line\n");
  deepStrictEqual([code, stdout], [0, "a line\nend\n"], stderr);
});

e2eOurs("a container in the background takes execs, logs, is stopped and removed", node, async () => {
  const started = await run(["-d", "--name", "sleeper", "--memory", "256m"], [
    "sh",
    "-c",
    "echo to the log; exec sleep 1000",
  ]);
  strictEqual(started.code, 0, started.stderr);
  deepStrictEqual(shimProcesses(node()), [], "a container has no shim process");
  const exec = await docker.call(["exec", "sleeper", "sh", "-c", "echo from an exec; exit 7"]);
  deepStrictEqual([exec.code, exec.stdout], [7, "from an exec\n"], exec.stderr);
  strictEqual((await docker.call(["logs", "sleeper"])).stdout, "to the log\n");
  const stop = await docker.call(["stop", "-t", "1", "sleeper"]);
  strictEqual(stop.code, 0, stop.stderr);
  const state = await docker.call(["inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "sleeper"]);
  // The first process of a PID namespace of the host's ignores what it has no handler for.
  match(state.stdout, /^exited (137|143)$/m);
  strictEqual((await docker.call(["start", "sleeper"])).code, 0, "it is started again");
  const removed = await docker.call(["rm", "-f", "sleeper"]);
  strictEqual(removed.code, 0, removed.stderr);
  ok(!(await docker.call(["ps", "-aq"])).stdout.trim());
});
