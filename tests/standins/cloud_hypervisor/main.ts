/**
 * A stand-in for cloud-hypervisor on hosts without KVM: its command line, its REST API and its manners, with QEMU
 * underneath so that real guests boot. Its first argument says what it is built upon ({@link StandInOptions}); all
 * others are the real program's.
 */
import { ApiServer } from "../http/server.ts";
import { type CommandLine, parseCommandLine } from "./command_line.ts";
import { EventMonitor } from "./events.ts";
import { listenForApi } from "./listen.ts";
import { majorOf, type StandInOptions } from "./options.ts";
import { route } from "./routes.ts";
import { Vmm } from "./vmm.ts";

/** Time for an answer under way to leave before the process goes. */
const LAST_ANSWER_MS = 50;

const options: StandInOptions = JSON.parse(Deno.args[0] ?? "{}");
const version = majorOf(options);

let commandLine: CommandLine;
try {
  commandLine = parseCommandLine(Deno.args.slice(1), version);
} catch (error) {
  console.error(`Error: ${(error as Error).message}`);
  Deno.exit(1);
}

if (commandLine.showVersion) {
  console.log(`cloud-hypervisor v${options.version}`);
  if (commandLine.verbosity > 0) console.log('Enabled features: ["tcg"]');
  Deno.exit(0);
}

Deno.umask(0o077);
const events = new EventMonitor(commandLine.events);
events.emit("vmm", "starting");

let exiting = false;
const vmm = new Vmm(options, events, `${Deno.cwd()}/.s`, (code) => void exit(code));

async function exit(code: number): Promise<void> {
  if (exiting) return;
  exiting = true;
  await vmm.close();
  listener.remove();
  Deno.exit(code);
}

const listener = (() => {
  try {
    return listenForApi(commandLine.api, version);
  } catch (error) {
    console.error(`Error: ${(error as Error).message}`);
    Deno.exit(1);
  }
})();

for (const signal of ["SIGTERM", "SIGINT"] as const) Deno.addSignalListener(signal, () => void exit(0));

const server = new ApiServer(
  "Cloud Hypervisor API",
  listener.fd,
  async (request, fds) => {
    const delayMs = options.delays?.[request.path.slice(request.path.lastIndexOf("/") + 1)];
    if (delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, delayMs));
    return await route(vmm, version, request, fds, () => setTimeout(() => void exit(0), LAST_ANSWER_MS));
  },
);
await server.run();
