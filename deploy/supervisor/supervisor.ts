import { asKuasarError, KuasarError } from "../../lib/errors/mod.ts";
import { SocketActivation } from "./activation.ts";
import { listenForChild, type ListeningSocket } from "./listen.ts";
import { stillRunning, writePidFile } from "./pid_file.ts";
import { READY_TIMEOUT_MS, waitForSocket } from "./ready.ts";
import type { ProcessSpec } from "./spec.ts";
import { Supervised } from "./supervised.ts";

/** A process that has ended so often and was never seen to work will not work the next time. */
const HOPELESS_RESTARTS = 5;

/** The name under which the supervisor itself stands in the file of pids. */
const SELF = "supervisor";

/** How a set is kept running. */
export interface SupervisorOptions {
  runDir: string;
  /** In the order in which they start; they stop in the opposite order. */
  specs: readonly ProcessSpec[];
  /** Takes every line the processes write. */
  onLine(name: string, line: string): void;
}

/** Runs a set of processes, keeps their sockets open and restarts what dies. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #processes: Supervised[] = [];
  readonly #sockets: ListeningSocket[] = [];
  readonly #activation = new SocketActivation();
  readonly #pidFile: string;
  #writing: Promise<void> = Promise.resolve();
  readonly #failed = new AbortController();

  private constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#pidFile = `${options.runDir}/supervisor.json`;
  }

  /**
   * Ends what an earlier supervisor left in the run directory and starts the set in order.
   *
   * @throws KuasarError FAILED_PRECONDITION where another supervisor uses the run directory; any where a process
   *   does not come up, and then what had started is stopped again
   */
  static async start(options: SupervisorOptions): Promise<Supervisor> {
    const supervisor = new Supervisor(options);
    await Deno.mkdir(options.runDir, { recursive: true, mode: 0o700 });
    await supervisor.#endLeftovers();
    try {
      await supervisor.#startAll();
    } catch (error) {
      await supervisor.stop();
      throw asKuasarError(error, "Cannot start the processes");
    }
    return supervisor;
  }

  /** The pids of the running processes by name. */
  get pids(): ReadonlyMap<string, number> {
    const running = this.#processes.filter((p) => p.pid !== undefined);
    return new Map(running.map((p) => [p.spec.name, p.pid!]));
  }

  /** Aborted when a process ends again and again, with a KuasarError UNAVAILABLE that names it. */
  get failing(): AbortSignal {
    return this.#failed.signal;
  }

  /** How often the process `name` was started again. */
  restartsOf(name: string): number {
    return this.#processes.find((p) => p.spec.name === name)?.restarts ?? 0;
  }

  /** Stops one process for good, before the others: containerd is stopped while the rest still serves. */
  async stopOne(name: string): Promise<void> {
    await this.#processes.find((p) => p.spec.name === name)?.stop();
  }

  /** Starts a process again that `stopOne` has stopped. */
  async startOne(name: string): Promise<void> {
    const at = this.#processes.findIndex((p) => p.spec.name === name);
    const old = this.#processes[at];
    if (!old) return;
    this.#processes[at] = this.#begin(old.spec, old.sockets);
    if (old.spec.readySocket) await waitForSocket(old.spec.readySocket, READY_TIMEOUT_MS);
  }

  /** Stops all in the opposite order of their start and removes their sockets. May be repeated. */
  async stop(): Promise<void> {
    await this.#activation.close();
    for (const process of [...this.#processes].reverse()) await process.stop();
    for (const socket of this.#sockets) await socket.close();
    await this.#writing;
    await Deno.remove(this.#pidFile).catch(() => {});
  }

  async #startAll(): Promise<void> {
    const sockets = new Map<ProcessSpec, ListeningSocket[]>();
    // All sockets first: whoever starts early may already call whoever starts late.
    for (const spec of this.#options.specs) {
      const own: ListeningSocket[] = [];
      for (const { name, path } of spec.sockets) {
        const socket = await listenForChild(name, path);
        this.#sockets.push(socket);
        own.push(socket);
      }
      sockets.set(spec, own);
    }
    for (const spec of this.#options.specs) {
      if (spec.readySocket) await Deno.remove(spec.readySocket).catch(() => {});
      this.#processes.push(this.#begin(spec, sockets.get(spec)!));
      if (!spec.readySocket) continue;
      await waitForSocket(spec.readySocket, READY_TIMEOUT_MS, this.failing);
    }
  }

  #begin(spec: ProcessSpec, sockets: readonly ListeningSocket[]): Supervised {
    const process: Supervised = new Supervised(spec, sockets, {
      onLine: this.#options.onLine,
      onChange: () => {
        if (process.restarts >= HOPELESS_RESTARTS) this.#failed.abort(hopeless(process));
        this.#writeDown();
      },
    });
    if (spec.onDemand) this.#activation.watch(sockets.map(({ fd }) => fd), () => process.start());
    else process.start();
    return process;
  }

  #writeDown(): void {
    const running = () => [[SELF, Deno.pid] as const, ...this.pids].map(([name, pid]) => ({ name, pid }));
    this.#writing = this.#writing.then(() => writePidFile(this.#pidFile, running())).catch(() => {});
  }

  async #endLeftovers(): Promise<void> {
    const left = await stillRunning(this.#pidFile);
    const other = left.find((p) => p.name === SELF);
    if (other) {
      throw new KuasarError(
        "FAILED_PRECONDITION",
        `Cannot use ${this.#options.runDir}: pid ${other.pid} runs a set of processes there; stop it first`,
      );
    }
    for (const { name, pid, startTime } of left.reverse()) {
      this.#options.onLine(name, `supervisor: ending pid ${pid}, left by an earlier supervisor`);
      Deno.kill(pid, "SIGTERM");
      for (let waitedMs = 0; waitedMs < 5_000; waitedMs += 50) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        if (!(await stillRunning(this.#pidFile)).some((p) => p.pid === pid && p.startTime === startTime)) {
          break;
        }
        if (waitedMs === 4_000) Deno.kill(pid, "SIGKILL");
      }
    }
  }
}

function hopeless({ spec, restarts, lastEnd }: Supervised): KuasarError {
  return new KuasarError(
    "UNAVAILABLE",
    `Cannot start ${spec.name}: it was started ${restarts} times and ${lastEnd}`,
  );
}
