import * as sys from "../native/sys.js";
import { sleep } from "../runtime/deadline.ts";
import { log } from "../runtime/log.ts";

/** Time for the last words to reach the console or the host. */
const GRACE_MS = 50;

let byReset = false;

/** What ends the machine: a kernel without a way to switch it off halts at POWER_OFF and never comes back. */
export function setPowerOffByReset(value: boolean): void {
  byReset = value;
}

/** Ends every other process, writes everything to disk and powers the guest off. Does not come back. */
export async function powerOff(reason: string): Promise<never> {
  log.info("power off", { reason });
  await sleep(GRACE_MS);
  try {
    sys.kill(-1, sys.SIG.KILL);
  } catch {
    // Nobody else is there.
  }
  sys.sync();
  if (!byReset) sys.reboot(sys.RB.POWER_OFF);
  // Without a way to switch off, a reset ends the VM too (-no-reboot).
  sys.reboot(sys.RB.AUTOBOOT);
  throw new Error("the machine goes on after power-off");
}
