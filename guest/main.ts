/**
 * The agent: PID 1 of a guest, task server of a host, shim command of containerd; which one, its name says.
 */
import "./runtime/globals.ts";
import { runHost } from "./host/main.ts";
import { runInit } from "./init/main.ts";
import * as sys from "./native/sys.js";
import { runShim } from "./shim/main.ts";

function main(): void {
  const [path = "", ...args] = sys.args();
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (sys.getpid() === 1) return runInit();
  if (name === "kuasar-task") return void runHost(args);
  if (name.startsWith("containerd-shim-")) return void runShim(name, args);
  sys.logWrite(
    `usage: ${name}: as PID 1 of a guest, or under the name kuasar-task or containerd-shim-kuasar-*-v2\n`,
  );
  sys.exit(2);
}

main();
