/**
 * The stand-in for `quark` in the mode in which a sandboxer uses it: the files, flags and task socket that are documented
 * for it, with processes of the host where the real program has a virtual machine. It is built like the agent, because after
 * pivot_root nothing but its own program is there.
 */
import "../../../guest/runtime/globals.ts";
import * as sys from "../../../guest/native/sys.js";
import { parseCommandLine, UsageError } from "./command_line.ts";
import { ConfigPanic, readQuarkConfig } from "./config_file.ts";
import { enterContainer, execInContainer, runInit } from "./enter.ts";
import { LOG_FD, logTo, note, openLog } from "./log_file.ts";
import { bootSandbox, startSandbox } from "./sandbox.ts";

/** The real one's is `/etc/quark/config.json`, always. */
const CONFIG_VARIABLE = "QUARK_STANDIN_CONFIG";
const CONFIG = "/etc/quark/config.json";

/** How the real program ends when it has met an error, and when it panics; it says nothing on stderr then. */
const FAILED = 255;
const PANICKED = 101;

/** Own stages of the stand-in: the process behind the sandbox, and what leads a process into its container. */
const STAGES: Readonly<Record<string, (args: string[]) => Promise<void> | void>> = {
  "standin-boot": bootSandbox,
  "standin-enter": enterContainer,
  "standin-init": runInit,
  "standin-exec": execInContainer,
};

function readConfig(): string | undefined {
  const path = sys.getenv(CONFIG_VARIABLE) ?? CONFIG;
  return sys.exists(path) ? sys.readTextFile(path) : undefined;
}

async function main(): Promise<void> {
  const [, ...args] = sys.args();
  const stage = STAGES[args[0] ?? ""];
  if (stage) {
    // The loop ends when it has nothing to watch, and signals alone are nothing.
    setInterval(() => {}, 3_600_000);
    logTo(stage === bootSandbox ? 2 : LOG_FD);
    return await stage(args.slice(1));
  }
  const log = openLog();
  logTo(log);
  const command = parseCommandLine(args);
  if (command.kind === "version") {
    const out = sys.open("/proc/self/fd/1", sys.O.WRONLY);
    sys.write(out, sys.utf8Encode("quark 0.1.0 (stand-in)\n"));
    return sys.exit(0);
  }
  const config = readQuarkConfig(readConfig());
  if (command.kind === "verb") throw new Error(`${command.verb}: the stand-in has no virtual machine for it`);
  if (config.shimMode) throw new Error("ShimMode: this is a shim now, which has no verb sandbox");
  if (!config.sandboxed) throw new Error("sandbox: Sandboxed is not set");
  startSandbox(command, log);
  sys.exit(0);
}

main().catch((error: Error) => {
  note(`${error.message}\n${error.stack ?? ""}`);
  sys.exit(error instanceof UsageError || error instanceof ConfigPanic ? PANICKED : FAILED);
});
