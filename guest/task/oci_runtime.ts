import * as sys from "../native/sys.js";
import { dropEarlierExit, markExits } from "../runtime/reaper.ts";
import { type CallOptions, callRuntime, type RuntimeCommand, type Stdio } from "./runtime_call.ts";
import { startByFifo } from "./exec_fifo.ts";
import { stateRootOf } from "./plain_calls.ts";

/** What creates a process needs besides its name. */
export interface CreateOptions {
  stdio: Stdio;
  /** Unix socket that takes the master of the process's terminal. */
  consoleSocket?: string;
}

/** A checkpoint takes as long as all the memory of a container needs to be written. */
const CHECKPOINT_TIMEOUT_MS = 600_000;

/** Pid files of calls under way, over all runtimes: they may lie in one directory. */
let files = 0;

/** An OCI runtime with the command line of runc: crun, runc, youki. */
export class OciRuntime {
  readonly #runtime: RuntimeCommand;
  readonly #stateRoot: string | undefined;

  constructor(runtime: RuntimeCommand) {
    this.#runtime = runtime;
    this.#stateRoot = stateRootOf(runtime.command);
  }

  /** Creates a container without starting it. @returns the pid of its init */
  create(id: string, bundle: string, options: CreateOptions): Promise<number> {
    return this.#spawnProcess(["create", "--bundle", bundle], [id], options);
  }

  /** Starts one more process in a container. @param processFile OCI process as JSON. @returns its pid */
  exec(id: string, processFile: string, options: CreateOptions): Promise<number> {
    return this.#spawnProcess(["exec", "--detach", "--process", processFile], [id], options);
  }

  /** Writes a container's processes down. @param flags of runc's `checkpoint` */
  async checkpoint(id: string, flags: readonly string[], env: CallOptions["env"] = {}): Promise<void> {
    const timeoutMs = CHECKPOINT_TIMEOUT_MS;
    await callRuntime(this.#runtime, ["checkpoint", ...flags, id], { env, timeoutMs });
  }

  /** Makes a container whose processes go on from where a checkpoint was made. @returns the pid of its init */
  restore(
    id: string,
    bundle: string,
    flags: readonly string[],
    env: CallOptions["env"],
    options: CreateOptions,
  ): Promise<number> {
    const verb = ["restore", "--detach", "--bundle", bundle, ...flags];
    return this.#spawnProcess(verb, [id], options, { env: env ?? {}, timeoutMs: CHECKPOINT_TIMEOUT_MS });
  }

  /**
   * Lets a created container's init go on.
   *
   * @param plainUntil where `start` does nothing else: the end of the init
   */
  async start(id: string, plainUntil?: Promise<unknown>): Promise<void> {
    const root = this.#stateRoot;
    if (plainUntil && root !== undefined && await startByFifo(`${root}/${id}`, plainUntil)) return;
    await callRuntime(this.#runtime, ["start", id]);
  }

  /**
   * Takes a container away; an unknown id is fine. Also kills what still runs, unless told that nothing does: runc waits a
   * tenth of a second after a kill, whether it was one or not.
   *
   * @param plainCgroup of a container that has ended, where `delete` removes nothing but it and the runtime's state
   */
  async delete(id: string, ended = false, plainCgroup?: { remove(): void }): Promise<void> {
    const root = this.#stateRoot;
    if (ended && plainCgroup && root !== undefined) {
      try {
        // In this order, so that the runtime knows the container as long as anything is left of it.
        plainCgroup.remove();
        return sys.removeAll(`${root}/${id}`);
      } catch {
        // Some process has not gone yet: the runtime waits for it.
      }
    }
    if (ended) {
      try {
        return await callRuntime(this.#runtime, ["delete", id]);
      } catch {
        // Only the other way works on whatever is left.
      }
    }
    await callRuntime(this.#runtime, ["delete", "--force", id]);
  }

  async #spawnProcess(
    verb: string[],
    id: string[],
    { stdio, consoleSocket }: CreateOptions,
    call: CallOptions = {},
  ): Promise<number> {
    const pidFile = `${this.#runtime.directory}/${sys.getpid()}-${++files}.pid`;
    const socket = consoleSocket === undefined ? [] : ["--console-socket", consoleSocket];
    const mark = markExits();
    try {
      await callRuntime(this.#runtime, [...verb, "--pid-file", pidFile, ...socket, ...id], {
        ...call,
        stdio,
      });
      const pid = Number(sys.readTextFile(pidFile, 32));
      dropEarlierExit(pid, mark);
      return pid;
    } finally {
      if (sys.exists(pidFile)) sys.unlink(pidFile);
    }
  }
}
