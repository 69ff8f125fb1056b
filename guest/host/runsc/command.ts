import { asKuasarError, KuasarError } from "../../../lib/errors/mod.ts";
import * as sys from "../../native/sys.js";
import type { CreateOptions } from "../../task/oci_runtime.ts";
import { callRuntime, type RuntimeCommand, type Stdio } from "../../task/runtime_call.ts";
import { run } from "../../runtime/run.ts";

/** A container waits to be started for as long as nobody starts it; everything else is a matter of milliseconds. */
const WAIT_TIMEOUT_MS = 2 ** 31 - 1;

/** A checkpoint is mostly pages that compress well. */
const COMPRESSION = "--compression=flate-best-speed";

/** An exec'ed process as the host sees it: a helper that ends as the process does, and the process's pid in its sandbox. */
export interface ExecPids {
  helper: number;
  internal: number;
}

/** gVisor's runtime as a command. */
export class Runsc {
  readonly #runtime: RuntimeCommand;

  constructor(runtime: RuntimeCommand) {
    this.#runtime = runtime;
  }

  /** Adds a container to its sandbox; its stdio comes with {@link start}, the socket for its terminal here. */
  async create(id: string, bundle: string, consoleSocket: string | undefined): Promise<void> {
    await this.#call(["create", "--bundle", bundle, ...consoleOf(consoleSocket), id]);
  }

  /** Starts a created container. The descriptors become its own. */
  async start(id: string, stdio: Stdio): Promise<void> {
    await this.#call(["start", id], stdio);
  }

  /**
   * Has a created container go on from a checkpoint of its sandbox, once the last one of that checkpoint is there. The descriptors
   * become its own.
   */
  async restore(id: string, image: string, stdio: Stdio): Promise<void> {
    await this.#call(["restore", "--detach", "--image-path", image, id], stdio);
  }

  /** Starts one more process in a container. @param internalPidFile is written and left, for a later run of this program */
  async exec(
    id: string,
    processFile: string,
    internalPidFile: string,
    { stdio, consoleSocket }: CreateOptions,
  ): Promise<ExecPids> {
    const pidFile = `${internalPidFile}.helper`;
    try {
      await this.#call([
        "exec",
        "--detach",
        "--process",
        processFile,
        "--pid-file",
        pidFile,
        "--internal-pid-file",
        internalPidFile,
        ...consoleOf(consoleSocket),
        id,
      ], stdio);
      return { helper: readPid(pidFile), internal: readPid(internalPidFile) };
    } finally {
      if (sys.exists(pidFile)) sys.unlink(pidFile);
    }
  }

  /** @param pid in the sandbox; 0 for the container's init */
  async kill(id: string, signal: number, pid: number, all: boolean): Promise<void> {
    const which = pid > 0 ? ["--pid", String(pid)] : all ? ["--all"] : [];
    await this.#call(["kill", ...which, id, String(signal)]);
  }

  /** Pauses or resumes the whole sandbox, by one of its containers. */
  async freeze(id: string, frozen: boolean): Promise<void> {
    await this.#call([frozen ? "pause" : "resume", id]);
  }

  /**
   * Writes the state of the whole sandbox, by one of its containers, below `path`. The compression is named, since what it is
   * unless told differs from release to release; the first ones have one alone and do not know the option.
   */
  async checkpoint(id: string, path: string, leaveRunning: boolean): Promise<void> {
    const args = ["--image-path", path, ...(leaveRunning ? ["--leave-running"] : []), id];
    try {
      await this.#call(["checkpoint", COMPRESSION, ...args]);
    } catch (error) {
      if (!/not defined: -*compression/.test(asKuasarError(error).message)) throw error;
      await this.#call(["checkpoint", ...args]);
    }
  }

  /** Also kills what still runs; an unknown id is fine. */
  async delete(id: string): Promise<void> {
    await this.#call(["delete", "--force", id]);
  }

  /** What `wait` prints, once the container has ended. */
  async wait(id: string): Promise<string> {
    return (await run([...this.#runtime.command, "wait", id], { timeoutMs: WAIT_TIMEOUT_MS })).stdout;
  }

  /** What a query prints. @throws KuasarError INTERNAL for no JSON */
  async query(args: readonly string[]): Promise<unknown> {
    const { stdout, stderr } = await run([...this.#runtime.command, ...args]);
    try {
      return JSON.parse(stdout);
    } catch (cause) {
      throw new KuasarError("INTERNAL", `Cannot understand runsc ${args[0]}: ${stderr.slice(-300).trim()}`, {
        cause,
      });
    }
  }

  #call(args: readonly string[], stdio?: Stdio): Promise<void> {
    return callRuntime(this.#runtime, args, stdio && { stdio });
  }
}

function consoleOf(socket: string | undefined): string[] {
  return socket === undefined ? [] : ["--console-socket", socket];
}

function readPid(path: string): number {
  return Number(sys.readTextFile(path, 32));
}
