import { asKuasarError, KuasarError } from "../../../lib/errors/mod.ts";
import * as sys from "../../native/sys.js";
import type { CreateOptions } from "../../task/oci_runtime.ts";
import {
  beginRuntime,
  callRuntime,
  type LastingCall,
  type RuntimeCommand,
  type Stdio,
} from "../../task/runtime_call.ts";
import { run } from "../../runtime/run.ts";

/** A container waits to be started for as long as nobody starts it; everything else is a matter of milliseconds. */
const WAIT_TIMEOUT_MS = 2 ** 31 - 1;

/** A checkpoint is mostly pages that compress well. */
const COMPRESSION = "--compression=flate-best-speed";

/** An exec'ed process as the host sees it: a helper that ends as the process does, and the process's pid in its sandbox. */
export interface RunningExec {
  helper: LastingCall;
  internalPid: number;
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

  /**
   * Starts one more process in a container. Not by `--detach`: that looks for the pid file of the helper that it has started, then
   * whether the helper has ended, and takes a process that ends between the two for one that never began.
   *
   * @param internalPidFile is written and left, for a later run of this program
   */
  async exec(
    id: string,
    processFile: string,
    internalPidFile: string,
    { stdio, consoleSocket }: CreateOptions,
  ): Promise<RunningExec> {
    const args = ["exec", "--process", processFile, "--internal-pid-file", internalPidFile, id];
    const terminal = consoleSocket === undefined ? undefined : makeTerminal(consoleSocket);
    try {
      const helper = await beginRuntime(
        this.#runtime,
        args,
        terminal?.stdio ?? stdio,
        terminal !== undefined,
      );
      return { helper, internalPid: Number(sys.readTextFile(internalPidFile, 32)) };
    } finally {
      terminal?.close();
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

/** A terminal as an OCI runtime makes it: its master goes over the socket, its other end becomes a process's stdio. */
function makeTerminal(consoleSocket: string): { stdio: Stdio; close(): void } {
  const { master, slave } = sys.openpty();
  let socket = -1;
  try {
    socket = sys.connectUnix(consoleSocket);
    sys.sendFds(socket, sys.utf8Encode("/dev/ptmx"), [master]);
  } catch (error) {
    sys.close(slave);
    throw error;
  } finally {
    if (socket >= 0) sys.close(socket);
    sys.close(master);
  }
  return { stdio: { stdin: slave, stdout: slave, stderr: slave }, close: () => sys.close(slave) };
}
