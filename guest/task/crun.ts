import { KuasarError } from "../../lib/errors/mod.ts";
import * as sys from "../native/sys.js";
import { within } from "../runtime/deadline.ts";
import { exitOf, spawnReaped } from "../runtime/reaper.ts";

/** How long one call of the runtime may take; under emulation each is some hundred times slower than it should be. */
const CALL_TIMEOUT_MS = 60_000;

/** Descriptors that the runtime, and so the container, gets as stdin, stdout and stderr. */
export interface Stdio {
  stdin: number;
  stdout: number;
  stderr: number;
}

/** What creates a process needs besides its name. */
export interface CreateOptions {
  stdio: Stdio;
  /** Unix socket that takes the master of the process's terminal. */
  consoleSocket?: string;
}

/** The messages of a runtime's JSON log, the errors last. */
export function logErrors(text: string): string[] {
  return text.split("\n").flatMap((line) => {
    try {
      const entry = JSON.parse(line) as { level?: unknown; msg?: unknown };
      return entry.level === "error" && typeof entry.msg === "string" ? [entry.msg] : [];
    } catch {
      return [];
    }
  });
}

/** The OCI runtime as a command: crun, or another with the same verbs. */
export class Crun {
  readonly #command: readonly string[];
  readonly #directory: string;
  readonly #null: number;
  #calls = 0;

  /**
   * @param command the program and arguments that stand before all others
   * @param directory for state, logs and pid files; made when it is missing
   */
  constructor(command: readonly string[], directory: string) {
    this.#command = command;
    this.#directory = directory;
    sys.mkdirAll(`${directory}/state`, 0o700);
    this.#null = sys.open("/dev/null", sys.O.RDWR);
  }

  /** Creates a container without starting it. @returns the pid of its init */
  create(id: string, bundle: string, options: CreateOptions): Promise<number> {
    return this.#spawnProcess(["create", "--bundle", bundle], [id], options);
  }

  /** Starts one more process in a container. @param processFile OCI process as JSON. @returns its pid */
  exec(id: string, processFile: string, options: CreateOptions): Promise<number> {
    return this.#spawnProcess(["exec", "--detach", "--process", processFile], [id], options);
  }

  async start(id: string): Promise<void> {
    await this.#call(["start", id]);
  }

  /** Also kills what still runs; an unknown id is fine. */
  async delete(id: string): Promise<void> {
    await this.#call(["delete", "--force", id]);
  }

  async #spawnProcess(
    verb: string[],
    id: string[],
    { stdio, consoleSocket }: CreateOptions,
  ): Promise<number> {
    const pidFile = `${this.#directory}/${++this.#calls}.pid`;
    const socket = consoleSocket === undefined ? [] : ["--console-socket", consoleSocket];
    try {
      await this.#call([...verb, "--pid-file", pidFile, ...socket, ...id], stdio);
      return Number(sys.readTextFile(pidFile, 32));
    } finally {
      if (sys.exists(pidFile)) sys.unlink(pidFile);
    }
  }

  /** @throws KuasarError INTERNAL with the reason that the runtime has logged */
  async #call(args: string[], stdio?: Stdio): Promise<void> {
    const log = `${this.#directory}/${++this.#calls}.log`;
    const options = [
      "--root",
      `${this.#directory}/state`,
      "--cgroup-manager",
      "cgroupfs",
      "--log",
      log,
      "--log-format",
      "json",
    ];
    const fds = stdio ?? { stdin: this.#null, stdout: this.#null, stderr: this.#null };
    try {
      const pid = spawnReaped({ argv: [...this.#command, ...options, ...args], ...fds });
      const what = `${args[0]} the container's process`;
      const { code } = await within(CALL_TIMEOUT_MS, what, exitOf(pid), () => sys.kill(pid, sys.SIG.KILL));
      if (code === 0) return;
      const reasons = logErrors(sys.exists(log) ? sys.readTextFile(log) : "");
      const reason = reasons.at(-1) ?? `the runtime ended with code ${code}`;
      throw new KuasarError(codeOf(reason), `Cannot ${what}: ${reason}`, { evidence: reasons });
    } finally {
      if (sys.exists(log)) sys.unlink(log);
    }
  }
}

/** What callers branch on; containerd looks for these cases only. */
function codeOf(reason: string): "NOT_FOUND" | "INTERNAL" {
  return /does not exist|not running|process already finished|no such process/i.test(reason)
    ? "NOT_FOUND"
    : "INTERNAL";
}
