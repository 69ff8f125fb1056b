import { asKuasarError, KuasarError } from "../../lib/errors/mod.ts";
import { type StatsResponse, Status } from "../../lib/proto/gen/containerd/task/v3/task.ts";
import { log } from "../runtime/log.ts";
import { sleep, within } from "../runtime/deadline.ts";
import { OVERDUE_MS } from "./answer_times.ts";
import type { DescriptorKeeper } from "./descriptor_keeper.ts";
import type { GuestTask, SandboxLink } from "./sandbox_link.ts";
import { type Exit, HostProcessState, now } from "./process.ts";
import { type ContainerRecord, isAlone } from "./record.ts";
import type { StdioPaths } from "./stdio.ts";

/** 128 + SIGKILL: what ends with its machine has been killed. */
const KILLED = 137;

/** How long the first numbers of a container are waited for: nothing is known yet that could be told instead. */
const FIRST_STATS_MS = 10_000;

/** One container as containerd sees it: its init, its execs, and the guest that runs it. */
export class HostContainer {
  readonly record: ContainerRecord;
  readonly link: SandboxLink;
  readonly init: HostProcessState;
  readonly execs = new Map<string, HostProcessState>();
  #asked: Promise<StatsResponse> | undefined;
  #lastStats: StatsResponse | undefined;
  readonly #keeper: DescriptorKeeper | undefined;
  readonly #onExit: (execId: string, exit: Exit) => void;

  constructor(
    record: ContainerRecord,
    link: SandboxLink,
    keeper: DescriptorKeeper | undefined,
    onExit: (execId: string, exit: Exit) => void,
  ) {
    this.record = record;
    this.link = link;
    this.#keeper = keeper;
    this.init = new HostProcessState(record.paths, keeper, isAlone(record));
    this.#onExit = onExit;
  }

  /** The pid that containerd is shown: on the host the init's, else the machine's. The guest's own pids mean nothing here. */
  get pid(): number {
    return this.pidOf("");
  }

  /** As {@link pid}, of an exec. @throws KuasarError NOT_FOUND */
  pidOf(execId: string): number {
    return this.link.local ? this.process(execId).pid : this.link.pid;
  }

  /** The init for an empty id, else the exec. @throws KuasarError NOT_FOUND */
  process(execId: string): HostProcessState {
    if (execId === "") return this.init;
    const process = this.execs.get(execId);
    if (!process) {
      throw new KuasarError("NOT_FOUND", `Cannot find exec ${execId} in container ${this.record.id}`);
    }
    return process;
  }

  /** @throws KuasarError ALREADY_EXISTS where there is an exec with this id */
  mustNotHave(execId: string): void {
    if (!this.execs.has(execId)) return;
    throw new KuasarError("ALREADY_EXISTS", `Cannot exec ${execId}: there is one with this id`);
  }

  addExec(execId: string, paths: StdioPaths): HostProcessState {
    this.mustNotHave(execId);
    const process = new HostProcessState(paths, this.#keeper, isAlone(this.record));
    this.execs.set(execId, process);
    return process;
  }

  /** Calls the guest. @throws KuasarError what it answers, UNAVAILABLE when its machine has ended */
  guest<T>(work: (task: GuestTask) => Promise<T>, repeat = true): Promise<T> {
    return this.link.task(work, repeat);
  }

  /**
   * What the container uses. A guest that does not answer holds up nobody who asks for all containers of a node: then it is
   * what it last said.
   *
   * @throws KuasarError what it answers, DEADLINE_EXCEEDED where it is silent and has never said anything
   */
  async stats(): Promise<StatsResponse> {
    this.#asked ??= this.guest((task) => task.stats({ id: this.record.id })).finally(() =>
      this.#asked = undefined
    );
    const asked = this.#asked.then((answer) => this.#lastStats = answer);
    asked.catch(() => {});
    const last = this.#lastStats;
    if (this.link.silent) {
      if (last) return last;
      throw new KuasarError(
        "DEADLINE_EXCEEDED",
        `Cannot measure ${this.record.id}: its guest does not answer`,
      );
    }
    if (!last) return await within(FIRST_STATS_MS, `measure ${this.record.id}`, asked);
    return await Promise.race([asked, sleep(OVERDUE_MS).then(() => last)]);
  }

  /** Joins a process's FIFOs with its streams in the guest. */
  async connectStdio(execId: string): Promise<void> {
    const { id } = this.record;
    const process = this.process(execId);
    // On the host only a terminal has anything to be joined.
    if (this.link.local && (this.link.ownTerminals || !process.paths.terminal)) return;
    await process.stdio.connect(this.link, id, execId, process.paths, () => {
      // The guest closes the process's stdin when this and the end of the stream have both arrived.
      void this.guest((task) => task.closeIO({ id, execId, stdin: true })).catch(() => {});
    });
  }

  /** Waits in the background for a process to end, through every loss of the connection. */
  async watchExit(execId: string): Promise<void> {
    const process = this.process(execId);
    const exit = await this.#exitOf(execId);
    if (this.link.dead) process.stdio.close();
    if (process.exit) return;
    process.ended(exit);
    this.#onExit(execId, exit);
  }

  async #exitOf(execId: string): Promise<Exit> {
    const { id } = this.record;
    try {
      const answered = this.guest((task) => task.wait({ id, execId }));
      const died = this.link.died.then(() => undefined);
      const answer = await Promise.race([answered, died]);
      answered.catch(() => {});
      if (answer) return { status: answer.exitStatus & 0xff, at: answer.exitedAt ?? now() };
    } catch (error) {
      log.warn("cannot wait for a process", { container: id, exec: execId, error: asKuasarError(error) });
    }
    return { status: KILLED, at: now() };
  }

  /** End of input. */
  async closeStdin(execId: string): Promise<void> {
    const process = this.process(execId);
    if (this.link.local && (this.link.ownTerminals || !process.paths.terminal)) {
      await this.guest((task) => task.closeIO({ id: this.record.id, execId, stdin: true }));
    } else process.stdio.closeStdin();
  }

  /** True while the init may still do something. */
  get alive(): boolean {
    return this.init.status !== Status.STOPPED;
  }

  /** Closes every FIFO of the container. */
  closeStdio(): void {
    for (const process of [this.init, ...this.execs.values()]) process.stdio.close();
  }
}
