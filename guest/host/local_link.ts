import type { FifoIo } from "./fifo_io.ts";
import type { GuestTask, SandboxLink } from "./sandbox_link.ts";

/** A sandbox whose containers this server itself runs. */
interface LocalSandbox {
  /** 0 where it is no process. */
  readonly pid: number;
  readonly died: Promise<void>;
  readonly dead: boolean;
  close(): void;
}

/** The link to a sandbox whose containers this server itself runs, with containerd's FIFOs as their stdio. */
export class LocalLink implements SandboxLink {
  readonly sandboxId: string;
  readonly local = true;
  readonly #sandbox: LocalSandbox;
  readonly #task: GuestTask;
  readonly #io: FifoIo;

  constructor(sandboxId: string, sandbox: LocalSandbox, task: GuestTask, io: FifoIo) {
    this.sandboxId = sandboxId;
    this.#sandbox = sandbox;
    this.#task = task;
    this.#io = io;
  }

  get pid(): number {
    return this.#sandbox.pid;
  }

  get died(): Promise<void> {
    return this.#sandbox.died;
  }

  get dead(): boolean {
    return this.#sandbox.dead;
  }

  task<T>(work: (task: GuestTask) => Promise<T>): Promise<T> {
    return work(this.#task);
  }

  /** Only a terminal has a stream besides the FIFOs, one for both directions. */
  async openStream(container: string, exec: string, _name: string): Promise<number> {
    return await Promise.resolve(this.#io.openTerminal(container, exec));
  }

  close(): void {
    this.#sandbox.close();
  }
}
