import { isAlive, type ProcessRef, processRef } from "../../lib/process/mod.ts";

/** The name under which gVisor's kernel runs. */
const SANDBOX_PROCESS = "runsc-sandbox";

/** True for the command line (/proc/<pid>/cmdline) of the process that is the sandbox with this first container. */
export function isSandboxProcess(cmdline: string, root: string, rootId: string): boolean {
  const args = cmdline.split("\0").filter((arg) => arg !== "");
  return args[0] === SANDBOX_PROCESS && args.at(-1) === rootId && args.includes(`--root=${root}`);
}

/**
 * The process of a sandbox by its command line: it drops its environment, so a start that was cut off cannot be found by that.
 */
export function sandboxProcesses(root: string, rootId: string): ProcessRef[] {
  const found: ProcessRef[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      if (!isSandboxProcess(Deno.readTextFileSync(`/proc/${name}/cmdline`), root, rootId)) continue;
      const ref = processRef(Number(name));
      if (isAlive(ref)) found.push(ref);
    } catch {
      // Gone meanwhile.
    }
  }
  return found;
}
