import { ok } from "node:assert/strict";

/** Lines of a process's stderr, one at a time. */
export function linesOf(child: Deno.ChildProcess) {
  const reader = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  return {
    /** Waits until a part has come, as often as is said. */
    async until(part: string, times = 1): Promise<void> {
      while (text.split(part).length <= times) {
        const { done, value } = await reader.read();
        if (done) throw new Error(`It has ended without ${JSON.stringify(part)}: ${text}`);
        text += value;
      }
    },
    cancel: () => reader.cancel(),
  };
}

/** Sets how many descriptors a process may have; prlimit(1) is of util-linux. */
export async function limitFds(pid: number, count: number): Promise<void> {
  const { success } = await new Deno.Command("prlimit", { args: ["--pid", `${pid}`, `--nofile=${count}:`] })
    .output();
  ok(success);
}
