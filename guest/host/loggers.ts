import { KuasarError } from "../../lib/errors/mod.ts";
import * as sys from "../native/sys.js";
import { within } from "../runtime/deadline.ts";
import { FdStream } from "../runtime/fd_stream.ts";
import { log } from "../runtime/log.ts";
import { spawnReaped } from "../runtime/reaper.ts";
import { startTimeOf } from "../task/start_time.ts";
import { watchEnd } from "./host_process.ts";
import { type LogTarget, logTargetOf } from "./log_uri.ts";
import type { LoggerRecord, StdioPaths } from "./stdio.ts";

/** For a logging program to say that it reads. */
const READY_TIMEOUT_MS = 10_000;
/** For one whose process has ended to see the end of what it reads, and then to heed a SIGTERM. Both within a Delete. */
const EOF_TIMEOUT_MS = 3_000;
const TERM_TIMEOUT_MS = 1_500;

/**
 * The programs to which the output of processes goes, instead of to FIFOs of containerd's (`binary://`, see {@link logTargetOf}).
 *
 * Between the two are FIFOs of ours, so that for all the rest such a process is one like others: it writes into a FIFO, and
 * the program goes on reading whatever becomes of this server.
 */
export class Loggers {
  readonly #directory: string;
  /** Ends of FIFOs that keep a program from an early end of file, until its process has its own. */
  readonly #writers = new Map<string, number[]>();

  /** @param directory for the FIFOs */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Starts what a process's output needs.
   *
   * @param exec empty for the init
   * @param namespace containerd's
   * @returns paths that are FIFOs, or `file://` and a file
   * @throws KuasarError INVALID_ARGUMENT for an output that cannot be used, FAILED_PRECONDITION for a program that does not start
   */
  async open(paths: StdioPaths, container: string, exec: string, namespace: string): Promise<StdioPaths> {
    const [stdout, stderr] = [logTargetOf(paths.stdout), logTargetOf(paths.stderr)];
    if (stdout.kind === "program") {
      return await this.#program(stdout.argv, paths, { container, exec, namespace });
    }
    if (stderr.kind === "program") {
      throw new KuasarError("INVALID_ARGUMENT", "Cannot log stderr to a program: stdout goes somewhere else");
    }
    return { ...paths, stdout: pathOf(stdout), stderr: pathOf(stderr) };
  }

  /** The process has its ends of the FIFOs. */
  started(container: string, exec: string): void {
    const key = keyOf(container, exec);
    for (const fd of this.#writers.get(key) ?? []) sys.close(fd);
    this.#writers.delete(key);
  }

  /** Lets the program of a process that has ended, or never began, read to the end, and takes its FIFOs away. */
  async close({ logger }: StdioPaths, container: string, exec: string): Promise<void> {
    this.started(container, exec);
    if (!logger) return;
    const ended = new Promise<void>((resolve) => watchEnd(logger, resolve));
    const step = async (ms: number, signal: number) => {
      try {
        await within(ms, "wait for a logging program", ended);
      } catch {
        log.warn("a logging program does not end", { container, exec, pid: logger.pid, signal });
        if (startTimeOf(logger.pid) === logger.startTime) kill(logger.pid, signal);
      }
    };
    await step(EOF_TIMEOUT_MS, sys.SIG.TERM);
    await step(TERM_TIMEOUT_MS, sys.SIG.KILL);
    sys.removeAll(this.#folder(container, exec));
    if (exec === "") sys.removeAll(`${this.#directory}/${container}`);
  }

  async #program(
    argv: readonly string[],
    paths: StdioPaths,
    { container, exec, namespace }: { container: string; exec: string; namespace: string },
  ): Promise<StdioPaths> {
    const folder = this.#folder(container, exec);
    const open: number[] = [];
    const writers: number[] = [];
    const fifo = (name: string) => {
      const path = `${folder}/${name}`;
      sys.mknod(path, sys.S.IFIFO | 0o600);
      // First this one: without somebody who could write, opening for reading would wait.
      writers.push(sys.open(path, sys.O.RDWR));
      open.push(sys.open(path, sys.O.RDONLY));
      return path;
    };
    try {
      sys.removeAll(folder);
      sys.mkdirAll(folder, 0o700);
      const stdout = fifo("stdout");
      const stderr = paths.terminal ? "" : fifo("stderr");
      // A terminal has one stream, but the program expects two, both of which it may poll.
      if (stderr === "") open.push(endedPipe());
      const ready = sys.pipe(false);
      open.push(ready.write);
      const started = new FdStream(ready.read);
      sys.setNonblock(ready.read, true);
      try {
        const env = [`CONTAINER_ID=${exec || container}`, `CONTAINER_NAMESPACE=${namespace}`];
        const devNull = sys.open("/dev/null", sys.O.WRONLY);
        open.push(devNull);
        const pid = spawnReaped({ argv, env, stdout: devNull, stderr: devNull, extraFds: open.slice(0, 3) });
        const logger: LoggerRecord = {
          pid,
          startTime: startTimeOf(pid),
          stdout: paths.stdout,
          stderr: paths.stderr,
        };
        open.splice(0).forEach((fd) => sys.close(fd));
        // A byte, or that it has closed its end.
        await within(READY_TIMEOUT_MS, `wait for ${argv[0]} to begin to log`, started.read(), () => {
          kill(pid, sys.SIG.KILL);
        });
        this.#writers.set(keyOf(container, exec), writers);
        return { ...paths, stdout, stderr, logger };
      } finally {
        started.close();
      }
    } catch (cause) {
      for (const fd of [...open, ...writers]) sys.close(fd);
      sys.removeAll(folder);
      throw new KuasarError("FAILED_PRECONDITION", `Cannot log to ${argv[0]}: ${(cause as Error).message}`, {
        cause,
      });
    }
  }

  #folder(container: string, exec: string): string {
    return `${this.#directory}/${container}/${exec || "-"}`;
  }
}

function pathOf(target: Exclude<LogTarget, { kind: "program" }>): string {
  return target.kind === "file" ? `file://${target.path}` : target.path;
}

/** The reading end of a pipe that nobody writes into. */
function endedPipe(): number {
  const { read, write } = sys.pipe(false);
  sys.close(write);
  return read;
}

function kill(pid: number, signal: number): void {
  try {
    sys.kill(pid, signal);
  } catch {
    // It has just ended.
  }
}

function keyOf(container: string, exec: string): string {
  return `${container}/${exec}`;
}
