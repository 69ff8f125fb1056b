import { beginRuntime, callRuntime, type RuntimeCommand } from "../../task/runtime_call.ts";
import { sleep } from "../../runtime/deadline.ts";
import { exitOf, spawnReaped } from "../../runtime/reaper.ts";
import { OciRuntime } from "../../task/oci_runtime.ts";
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

/** Waits until a process has been reaped. */
async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      sys.kill(pid, 0);
    } catch {
      return;
    }
    await sleep(2);
  }
}

/** What a runtime's new process has the pid of, and how it has ended by now. */
async function created(pid: number, whileCalled: () => Promise<void> = async () => {}): Promise<string> {
  const nothing = sys.openNull(sys.O.RDWR);
  const stdio = { stdin: nothing, stdout: nothing, stderr: nothing };
  try {
    const oci = new OciRuntime(runtime(`echo ${pid} > $pid`));
    const making = oci.create("c1", "/", { stdio });
    await whileCalled();
    await making;
    return await Promise.race([
      exitOf(pid).then(({ code }) => `exit ${code}`),
      sleep(20).then(() => "it runs"),
    ]);
  } finally {
    sys.close(nothing);
  }
}

test("the exit of an earlier process is not that of a new one with its pid", async () => {
  sys.mkdirAll(directory);
  try {
    const earlier = spawnReaped({ argv: ["/bin/sh", "-c", "exit 9"] });
    await gone(earlier);
    equal(await created(earlier), "it runs");
    // One that ends before anybody can ask for its exit.
    const { read, write } = sys.pipe(false);
    const short = spawnReaped({ argv: ["/bin/sh", "-c", "read line; exit 5"], stdin: read });
    sys.close(read);
    const end = async () => {
      sys.close(write);
      await gone(short);
    };
    equal(await created(short, end), "exit 5");
  } finally {
    sys.removeAll(directory);
  }
});
