import { isAlive, type ProcessRef, processRef } from "../../lib/process/mod.ts";

/** Every process that a driver starts for a sandbox carries the sandbox's directory in this variable. */
export const SANDBOX_VARIABLE = "KUASAR_SANDBOX_DIR";

/**
 * The processes that were started for a sandbox, found by their environment: for the moment between the start of a
 * process and the writing down of its pid, in which a driver may die.
 */
export function strayProcesses(sandboxDir: string): ProcessRef[] {
  const mark = `${SANDBOX_VARIABLE}=${sandboxDir}`;
  const found: ProcessRef[] = [];
  for (const entry of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(entry.name)) continue;
    try {
      const environment = new TextDecoder().decode(Deno.readFileSync(`/proc/${entry.name}/environ`));
      if (!environment.split("\0").includes(mark)) continue;
      const ref = processRef(Number(entry.name));
      if (isAlive(ref)) found.push(ref);
    } catch {
      // Gone meanwhile, or not ours to look at.
    }
  }
  return found;
}
