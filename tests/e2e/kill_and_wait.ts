import { type Node, PATIENCE_MS } from "../harness/mod.ts";

/** Waits until the supervisor has started `name` again. */
async function waitForRestart(node: Node, name: string, oldPid: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < PATIENCE_MS; waitedMs += 50) {
    const pid = node.processes.get(name);
    if (pid !== undefined && pid !== oldPid) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${name} was not started again`);
}

/** Ends a service by SIGKILL and waits for the next process of it. */
export async function killAndWait(node: Node, name: string): Promise<void> {
  const pid = node.processes.get(name)!;
  node.kill(name);
  await waitForRestart(node, name, pid);
}
