import { type ChildProcess, spawn } from "node:child_process";
import { formatDuration } from "../../lib/errors/mod.ts";
import { Backoff } from "./backoff.ts";
import { readLines } from "./lines.ts";
import type { ListeningSocket } from "./listen.ts";
import type { ProcessSpec } from "./spec.ts";

/** `exec` keeps the pid, so the shell can say which process the sockets are for, as systemd does. */
const WITH_LISTEN_PID = 'LISTEN_PID=$$ exec "$@"';

/** What the outside is told about a process. */
export interface SupervisedEvents {
  onLine(name: string, line: string): void;
  /** After every start and end, so that the pids can be written down. */
  onChange(): void;
}

/** Keeps one process of the set running until `stop`. */
export class Supervised {
  readonly spec: ProcessSpec;
  /** Open as long as the supervisor lives; the process gets copies. */
  readonly sockets: readonly ListeningSocket[];
  readonly #events: SupervisedEvents;
  readonly #backoff = new Backoff();
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #restartTimer: ReturnType<typeof setTimeout> | undefined;
  #stopping = false;
  /** How often it was started again. */
  restarts = 0;
  /** How it ended the last time. */
  lastEnd = "";

  constructor(spec: ProcessSpec, sockets: readonly ListeningSocket[], events: SupervisedEvents) {
    this.spec = spec;
    this.sockets = sockets;
    this.#events = events;
  }

  /** The pid of the process while it runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts the process; nothing after `stop`. */
  start(): void {
    if (this.#stopping) return;
    const { spec } = this;
    const env: Record<string, string> = { ...Deno.env.toObject(), ...spec.env };
    for (const name of ["LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID", "NOTIFY_SOCKET"]) delete env[name];
    let [command, args] = [spec.command, [...spec.args]];
    if (this.sockets.length) {
      env.LISTEN_FDS = String(this.sockets.length);
      env.LISTEN_FDNAMES = this.sockets.map((s) => s.name).join(":");
      [command, args] = ["/bin/sh", ["-c", WITH_LISTEN_PID, "sh", command, ...args]];
    }
    const startedAt = Date.now();
    // A session of its own: Ctrl-C in the terminal reaches the supervisor only, which then stops in order.
    const child = spawn(command, args, {
      env,
      detached: true,
      stdio: ["ignore", "pipe", "pipe", ...this.sockets.map((s) => s.fd)],
    });
    this.#child = child;
    const { promise, resolve } = Promise.withResolvers<string>();
    child.once("error", (error) => resolve(`cannot run: ${error.message}`));
    child.once("exit", (code, signal) => resolve(signal ? `ended by ${signal}` : `ended with code ${code}`));
    const lines = [child.stdout, child.stderr].map((stream) =>
      stream ? readLines(stream, (line) => this.#events.onLine(spec.name, line)).catch(() => {}) : undefined
    );
    this.#events.onChange();
    this.#ended = promise.then(async (how) => {
      this.#child = undefined;
      this.lastEnd = how;
      if (this.#stopping) await Promise.race([Promise.all(lines), delay(500)]);
      this.#events.onChange();
      if (this.#stopping) return;
      const delayMs = this.#backoff.next(Date.now() - startedAt);
      this.#events.onLine(spec.name, `supervisor: ${how}; starting it again in ${formatDuration(delayMs)}`);
      this.#restartTimer = setTimeout(() => {
        this.restarts++;
        this.start();
      }, delayMs);
    });
  }

  /** Ends the process, by force after its grace, and does not start it again. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restartTimer);
    const child = this.#child;
    if (child) {
      child.kill("SIGTERM");
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<"late">((resolve) =>
        timer = setTimeout(() => resolve("late"), this.spec.stopGraceMs)
      );
      if (await Promise.race([this.#ended, late]) === "late") {
        this.#events.onLine(
          this.spec.name,
          `supervisor: still there after ${formatDuration(this.spec.stopGraceMs)}, killing it`,
        );
        child.kill("SIGKILL");
      }
      clearTimeout(timer);
    }
    await this.#ended;
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => Deno.unrefTimer(Number(setTimeout(resolve, ms))));
}
