/**
 * `deno task start`: runs the whole set in this terminal, with a private containerd unless one is given, until
 * Ctrl-C. Restarts what dies; at the end removes the pods, stops everything in order and says what is left.
 */
import { buildDir } from "../lib/build/mod.ts";
import { asKuasarError, KuasarError } from "../lib/errors/mod.ts";
import { EXIT, exitCodeOf, type FlagTable, formatHelp, parseFlags, tellFailure } from "../lib/service/mod.ts";
import { allHandlers, DRIVERS } from "./drivers.ts";
import { leftovers } from "./leftovers.ts";
import { startNode } from "./node.ts";
import { removePods } from "./pods.ts";
import { setup } from "./setup.ts";
import { CORE_SERVICES, driverService, prefixer } from "./supervisor/mod.ts";

const DEFAULT_RUN_DIR = "/run/kuasar";

const FLAGS = {
  "run-dir": { kind: "string", placeholder: "DIR", default: DEFAULT_RUN_DIR, help: "Sockets and state" },
  "containerd-address": {
    kind: "string",
    placeholder: "SOCKET",
    help: "Use this containerd instead of a private one; its configuration must know us",
  },
  "log-level": {
    kind: "string",
    default: "info",
    oneOf: ["debug", "info", "warn", "error"],
    help: "Of ours",
  },
  "no-setup": { kind: "boolean", help: "Do not look whether something is to be built first" },
  "help": { kind: "boolean", help: "Print this text" },
} as const satisfies FlagTable;

const USAGE = {
  name: "deno task start",
  summary: "run the whole set in this terminal",
  flags: FLAGS,
  examples: [
    { command: "deno task start", does: "Everything, with a private containerd" },
    {
      command: "deno task start --containerd-address /run/containerd/containerd.sock",
      does: "With the containerd of this host",
    },
  ],
};

/** Ends with SIGINT, SIGTERM or the terminal. */
function untilSignal(): Promise<Deno.Signal> {
  const { promise, resolve } = Promise.withResolvers<Deno.Signal>();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => resolve(signal));
  }
  return promise;
}

async function main(): Promise<number> {
  const flags = parseFlags(FLAGS, Deno.args);
  if (flags.help) {
    console.log(formatHelp(USAGE));
    return EXIT.OK;
  }
  const runDir = flags["run-dir"];
  if (!runDir.startsWith("/")) {
    throw new KuasarError("INVALID_ARGUMENT", `Cannot use --run-dir ${runDir}: it must be an absolute path`);
  }
  if (!flags["no-setup"]) await setup();
  const drivers = DRIVERS.map(({ name }) => name);
  const names = [...CORE_SERVICES, ...drivers.map(driverService), "kuasar-task", "containerd", "start"];
  const print = prefixer(names, Deno.stdout.isTerminal());
  const say = (text: string) => console.log(print("start", text));
  const external = flags["containerd-address"];
  const stopped = untilSignal();
  const node = await startNode({
    runDir,
    onLine: (name, line) => console.log(print(name, line)),
    logLevel: flags["log-level"],
    driversOnDemand: drivers,
    containerdRoot: `${buildDir}/containerd${runDir.replaceAll("/", "-")}`,
    ...(external === undefined ? {} : { containerdAddress: external }),
  });
  const [handler, ...others] = allHandlers();
  say(`Ready. Handler ${handler} at unix://${node.address}; Ctrl-C stops everything.`);
  if (others.length > 0) say(`Their drivers start with their first pod: ${others.join(", ")}`);
  if (node.containerd) {
    const flag = runDir === DEFAULT_RUN_DIR ? "" : ` --run-dir ${runDir}`;
    say("Try in another terminal:");
    say(
      `  ${node.programs.ctr} --address ${node.address} --namespace k8s.io ` +
        `images import ${buildDir}/images/busybox.tar`,
    );
    say(`  deno task ctl run${flag} busybox:kuasar uname -r`);
    say(`  crictl --runtime-endpoint unix://${node.address} runp --runtime ${handler} pod.json`);
    say(`  deno task ctl list${flag}`);
  }
  say(`${await stopped}: removing pods, then stopping`);
  await removePods(node.address).then(
    (count) => say(`${count} pods removed`),
    (error) => say(`Cannot remove the pods: ${asKuasarError(error).message}`),
  );
  await node.supervisor.stop();
  const left = leftovers(runDir);
  for (const line of left) say(`left over: ${line}`);
  if (left.length === 0) say("Nothing is left running or mounted.");
  return left.length === 0 ? EXIT.OK : EXIT.FAILURE;
}

// Signals are its own: they begin the clean end of a node.
if (import.meta.main) {
  try {
    Deno.exit(await main());
  } catch (error) {
    tellFailure("start", error);
    Deno.exit(exitCodeOf(error));
  }
}
