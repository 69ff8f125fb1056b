import { beginRuntime, callRuntime, type RuntimeCommand } from "../../task/runtime_call.ts";
import * as sys from "../sys.js";
import { equal, test } from "./check.ts";

const directory = `/tmp/kuasar-runtime-call-${sys.getpid()}`;

/** A runtime of one line, which finds its log in `$log` and the place for its pid in `$pid`. */
function runtime(line: string): RuntimeCommand {
  const script = 'log=$2; shift 4; while [ $# -gt 1 ]; do [ "$1" = --pid-file ] && pid=$2; shift; done; ';
  return { command: ["/bin/sh", "-c", script + line, "runtime"], directory };
}

async function beginning(line: string): Promise<string> {
  const nothing = sys.openNull(sys.O.RDWR);
  const stdio = { stdin: nothing, stdout: nothing, stderr: nothing };
  try {
    const { exit } = await beginRuntime(runtime(line), ["exec", "c1"], stdio, false);
    return `exit ${(await exit).code}`;
  } catch (error) {
    return (error as Error).message;
  } finally {
    sys.close(nothing);
  }
}

/** As runtimes log errors. */
const LOGS = `echo '{"level":"error","msg":"no such program"}' > $log; `;

test("a call that lasts has begun with its pid file, however soon it ends", async () => {
  sys.mkdirAll(directory);
  try {
    // The end follows the pid file at once, as that of a program that has nothing to do.
    for (let i = 0; i < 50; i++) equal(await beginning("echo 7 > $pid; exit 3"), "exit 3");
    equal(await beginning("echo 7 > $pid; sleep 0.05; kill -9 $$"), "exit 137");
    equal(await beginning("exit 3"), "Cannot exec the container's process: the runtime ended with code 3");
    equal(await beginning(LOGS + "exit 3"), "Cannot exec the container's process: no such program");
    const refused = await callRuntime(runtime(LOGS + "exit 3"), ["exec", "c1"]).catch((error: Error) =>
      error
    );
    equal((refused as Error).message, "Cannot exec the container's process: no such program");
    equal(sys.readdir(directory).length, 0);
  } finally {
    sys.removeAll(directory);
  }
});
