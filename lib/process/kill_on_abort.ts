import { childrenOf } from "./children.ts";

/**
 * Kills a program, and what it has itself started, when `signal` is aborted, as long as it runs.
 *
 * Not as `signal` of Deno.Command does it, by SIGTERM: a process that stands still (SIGSTOP, a frozen debugger) does not hear that, and
 * whoever waits for its end would wait for ever. What it has started may hold its output open.
 */
export function killOnAbort(child: Deno.ChildProcess, signal: AbortSignal): void {
  const kill = () => {
    // Standing still it starts nothing more, and takes the end of none of its children, whose numbers stay theirs.
    send(child.pid, "SIGSTOP");
    for (const pid of childrenOf(child.pid)) send(pid, "SIGKILL");
    send(child.pid, "SIGKILL");
  };
  signal.addEventListener("abort", kill, { once: true });
  void child.status.then(() => signal.removeEventListener("abort", kill));
  if (signal.aborted) kill();
}

function send(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch {
    // It has just ended.
  }
}
