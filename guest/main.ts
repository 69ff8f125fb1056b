/**
 * The agent: PID 1 of a guest, task server of a host, shim command of containerd; which one, its name and arguments say.
 */
import "./runtime/globals.ts";
import * as sys from "./native/sys.js";
import { runInit } from "./init/main.ts";

function main(): void {
  if (sys.getpid() === 1) return void runInit();
  sys.logWrite("usage: kuasar-task [options] | init as PID 1\n");
  sys.exit(2);
}

main();
