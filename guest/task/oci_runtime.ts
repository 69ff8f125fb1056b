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

/** How an OCI runtime is called. */
export interface RuntimeCommand {
  /** The program, and what stands before the verb of each call: `--root` and the like. */
  command: readonly string[];
  /** For the logs and pid files of calls under way; it must exist. */
  directory: string;
  /** Mounts that the runtime must not see, as `sys.spawn` takes them. */
  privateMounts?: readonly string[];
}

/** The runtimes pass on to containers the descriptors and sockets of whoever has started them: ours are not for them. */
const NOT_INHERITED = /^(?:LISTEN_|NOTIFY_SOCKET=|KUASAR_)/;

let inherited: readonly string[] | undefined;

function environment(): readonly string[] {
  inherited ??= sys.environ().filter((entry) => !NOT_INHERITED.test(entry));
  return inherited;
}

/** Calls under way, over all runtimes: their files may lie in one directory. */
let calls = 0;

/** An OCI runtime with the command line of runc: crun, runc, youki. */
export class OciRuntime {
  readonly #runtime: RuntimeCommand;

  constructor(runtime: RuntimeCommand) {
    this.#runtime = runtime;
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
    const pidFile = `${this.#runtime.directory}/${sys.getpid()}-${++calls}.pid`;
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
    const { command, directory, privateMounts = [] } = this.#runtime;
    const log = `${directory}/${sys.getpid()}-${++calls}.log`;
    const devNull = stdio ? -1 : sys.open("/dev/null", sys.O.RDWR);
    const fds = stdio ?? { stdin: devNull, stdout: devNull, stderr: devNull };
    try {
      const pid = spawnReaped({
        env: environment(),
        argv: [...command, "--log", log, "--log-format", "json", ...args],
        ...fds,
        ...(privateMounts.length === 0 ? {} : { privateMounts }),
      });
      const what = `${args[0]} the container's process`;
      const { code } = await within(CALL_TIMEOUT_MS, what, exitOf(pid), () => sys.kill(pid, sys.SIG.KILL));
      if (code === 0) return;
      const reasons = logErrors(sys.exists(log) ? sys.readTextFile(log) : "");
      const reason = reasons.at(-1) ?? `the runtime ended with code ${code}`;
      throw new KuasarError(codeOf(reason), `Cannot ${what}: ${reason}`, { evidence: reasons });
    } finally {
      if (devNull >= 0) sys.close(devNull);
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
