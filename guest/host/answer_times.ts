import { formatDuration, KuasarError } from "../../lib/errors/mod.ts";
import type { GuestTask } from "./sandbox_link.ts";

/** After so long without an answer a guest counts as silent, until it comes. */
export const OVERDUE_MS = 1_000;

/**
 * So long the kernel of a sandbox may take to end a container for which it has taken SIGKILL; then the sandbox ends. Its memory may be
 * large, and StopPodSandbox has a minute.
 */
export const SURVIVED_KILL_MS = 45_000;

const SHORT_MS = 30_000;
const RUNTIME_MS = 90_000;
const LONG_MS = 600_000;

/**
 * How long a guest may take to answer each call, in ms; undefined for as long as its VM lives.
 *
 * A guest answers within some milliseconds. Under emulation, on a busy host, it is some hundred times slower.
 */
export const ANSWER_MS: Readonly<Record<keyof GuestTask, number | undefined>> = {
  // The agent gives its runtime 60 s for each of its calls (runtime_call.ts), and says so itself where that is not enough.
  start: RUNTIME_MS,
  // The same, after mounts of whatever the container has.
  create: 2 * RUNTIME_MS,
  // Reads and writes of the agent's own. A pod whose guest does not answer these is stopped within a minute: the last but one
  // thing that containerd does is a kill, the last one a delete, and where the kill is not answered the VM ends.
  exec: SHORT_MS,
  kill: SHORT_MS,
  state: SHORT_MS,
  pids: SHORT_MS,
  resizePty: SHORT_MS,
  closeIO: SHORT_MS,
  connect: SHORT_MS,
  shutdown: SHORT_MS,
  stats: SHORT_MS,
  // The runtime takes away what there is of a container.
  delete: SHORT_MS,
  // The kernel may have to write pages out before memory is as small as asked for, and to bring processes to a stop.
  update: RUNTIME_MS,
  pause: RUNTIME_MS,
  resume: RUNTIME_MS,
  // All memory of a container is written.
  checkpoint: LONG_MS,
  // The end of a process.
  wait: undefined,
};

/** A guest has not answered at all: unlike its own DEADLINE_EXCEEDED, which is an answer. */
export class UnansweredError extends KuasarError {
  constructor(sandboxId: string, method: string, limitMs: number) {
    super(
      "DEADLINE_EXCEEDED",
      `Cannot finish ${method}: the guest of sandbox ${sandboxId} has not answered within ${
        formatDuration(limitMs)
      }`,
    );
  }
}
