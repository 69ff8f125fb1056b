import { KuasarError } from "../../lib/errors/mod.ts";
import { Status } from "../../lib/proto/gen/containerd/task/v3/task.ts";
import * as sys from "../native/sys.js";
import { endsByDefault } from "./default_action.ts";
import { type Action, next, type State } from "./state.ts";

/** How a process ended. */
export interface Exit {
  /** Exit code, or 128 + signal. */
  status: number;
  /** Nanoseconds since the epoch. */
  atNs: bigint;
}

const WIRE: Readonly<Record<State, Status>> = {
  created: Status.CREATED,
  running: Status.RUNNING,
  paused: Status.PAUSED,
  stopped: Status.STOPPED,
  deleted: Status.STOPPED,
};

/** Exit status of a process that a signal ended, without its number. */
const SIGNAL_BASE = 128;

/** One process of a container, its init or an exec'ed one. */
export class TaskProcess {
  /** For messages: `container c1`, `exec e1 of container c1`. */
  readonly what: string;
  readonly terminal: boolean;
  exit: Exit | undefined;
  readonly #defaultSignals: boolean;
  /** The signal for which a process without handlers was killed. */
  #endedFor: number | undefined;
  #pid = 0;
  /** Signals that came while the process was being made. */
  #signals: number[] = [];
  #state: State = "created";
  #waiters: ((exit: Exit) => void)[] = [];

  /** @param defaultSignals true for one that has no handlers, see HostRuntime */
  constructor(what: string, terminal: boolean, defaultSignals = false) {
    this.what = what;
    this.terminal = terminal;
    this.#defaultSignals = defaultSignals;
  }

  /** 0 before the process exists. */
  get pid(): number {
    return this.#pid;
  }

  /** Takes over a process that an earlier run of this program has made. */
  adopt(pid: number, state: "created" | "running" | "paused" | "stopped", exit?: Exit): void {
    this.#pid = pid;
    this.#state = state;
    this.exit = exit;
  }

  /** The runtime has made the process. */
  began(pid: number): void {
    this.#pid = pid;
    for (const signal of this.#signals.splice(0)) this.kill(signal);
  }

  get state(): State {
    return this.#state;
  }

  get status(): Status {
    return WIRE[this.#state];
  }

  /** @throws KuasarError FAILED_PRECONDITION where the state does not allow it */
  move(action: Action): void {
    this.#state = next(this.#state, action, this.what);
  }

  /** The process has ended; everyone who waits is told. A second end is none. */
  ended(status: number, atNs = sys.clockGettime(sys.CLOCK.REALTIME)): void {
    if (this.exit) return;
    const killed = status === SIGNAL_BASE + sys.SIG.KILL;
    this.exit = { status: killed && this.#endedFor ? SIGNAL_BASE + this.#endedFor : status, atNs };
    this.move("exit");
    for (const tell of this.#waiters.splice(0)) tell(this.exit);
  }

  /** The exit, at once where it has happened. */
  wait(): Promise<Exit> {
    if (this.exit) return Promise.resolve(this.exit);
    return new Promise((resolve) => this.#waiters.push(resolve));
  }

  /**
   * Sends a signal.
   *
   * @throws KuasarError NOT_FOUND when the process has ended: containerd takes that as done
   */
  kill(signal: number): void {
    if (this.exit) throw new KuasarError("NOT_FOUND", `Cannot kill ${this.what}: process already finished`);
    if (this.pid === 0) {
      // An exec that was never started has nothing to kill; it ends here.
      if (this.#state === "created") this.ended(SIGNAL_BASE + signal);
      else this.#signals.push(signal);
      return;
    }
    try {
      // A signal that a created init would only get after its start must still end it now.
      const byDefault = this.#defaultSignals && endsByDefault(signal);
      sys.kill(this.pid, byDefault || this.#state === "created" ? sys.SIG.KILL : signal);
      if (byDefault) this.#endedFor ??= signal;
    } catch (error) {
      if ((error as sys.SysError).errno !== sys.E.SRCH) throw error;
      throw new KuasarError("NOT_FOUND", `Cannot kill ${this.what}: no such process`, { cause: error });
    }
  }
}
