import { KuasarError } from "../../lib/errors/mod.ts";
import { Status } from "../../lib/proto/gen/containerd/task/v3/task.ts";
import * as sys from "../native/sys.js";
import type { HostProcess } from "./host_process.ts";
import { watchEnd } from "./host_process.ts";
import { type Exit, now } from "./process.ts";
import type { GuestTask, SandboxLink } from "./sandbox_link.ts";

/**
 * A pod's pause container where nothing has to hold its namespaces: the sandbox does that itself. So it runs no process; it
 * exists from Create to Delete, ends when it is killed or its sandbox ends, and takes the sandbox along when it is deleted.
 */
export class PauseLink implements SandboxLink {
  readonly sandboxId: string;
  readonly pid: number;
  readonly local = false;
  readonly died: Promise<void>;
  readonly #task: GuestTask;
  /** Replaced when the watch is set; the sandbox may have ended before. */
  #stopWatch: () => void = () => {};
  #dead = false;
  #die: () => void = () => {};

  constructor(sandboxId: string, sandbox: HostProcess) {
    this.sandboxId = sandboxId;
    // containerd wants one: our keeper's, which is always there.
    this.pid = sandbox.pid || sys.getppid();
    this.died = new Promise((resolve) => this.#die = resolve);
    this.#task = pauseTask(sandboxId, this.pid);
    // A sandbox without a process ends only when it is removed.
    this.#stopWatch = sandbox.pid === 0 ? () => {} : watchEnd(sandbox, () => this.close());
  }

  get dead(): boolean {
    return this.#dead;
  }

  task<T>(work: (task: GuestTask) => Promise<T>): Promise<T> {
    return work(this.#task);
  }

  openStream(container: string, _exec: string, name: string): Promise<number> {
    return Promise.reject(
      new KuasarError("NOT_FOUND", `Cannot open ${name} of ${container}: a pause container has no streams`),
    );
  }

  close(): void {
    if (this.#dead) return;
    this.#dead = true;
    this.#stopWatch();
    this.#die();
  }
}

/** 128 + signal: what ended the stand-in. */
const SIGNAL_BASE = 128;

function refuse(id: string, what: string): Promise<never> {
  return Promise.reject(
    new KuasarError(
      "UNIMPLEMENTED",
      `Cannot ${what} ${id}: it is a pod's pause container and runs no process; name one of the pod's own`,
    ),
  );
}

/** The Task service of a pause container. */
function pauseTask(id: string, pid: number): GuestTask {
  let exit: Exit | undefined;
  const waiting: ((exit: Exit) => void)[] = [];
  const done = () => Promise.resolve({});
  return {
    create: () => Promise.resolve({ pid }),
    start: () => Promise.resolve({ pid }),
    state: () =>
      Promise.resolve({
        id,
        execId: "",
        bundle: "",
        pid,
        status: exit ? Status.STOPPED : Status.RUNNING,
        stdin: "",
        stdout: "",
        stderr: "",
        terminal: false,
        exitStatus: exit?.status ?? 0,
        exitedAt: exit?.at,
      }),
    wait: async () => {
      const { status, at } = exit ?? await new Promise<Exit>((resolve) => waiting.push(resolve));
      return { exitStatus: status, exitedAt: at };
    },
    kill: ({ signal }) => {
      if (signal > 0 && !exit) {
        exit = { status: SIGNAL_BASE + signal, at: now() };
        for (const tell of waiting.splice(0)) tell(exit);
      }
      return done();
    },
    delete: () => Promise.resolve({ pid, exitStatus: exit?.status ?? 0, exitedAt: exit?.at }),
    pids: () => Promise.resolve({ processes: [{ pid, info: undefined }] }),
    pause: done,
    resume: done,
    resizePty: done,
    closeIO: done,
    update: done,
    shutdown: done,
    exec: () => refuse(id, "exec in"),
    checkpoint: () => refuse(id, "checkpoint"),
    stats: () => refuse(id, "measure"),
    connect: () => Promise.resolve({ shimPid: pid, taskPid: pid, version: "3" }),
  };
}
