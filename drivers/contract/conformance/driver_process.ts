import { deepStrictEqual } from "node:assert/strict";
import { exists } from "../../../lib/files/mod.ts";
import { type GrpcClient, grpcClient } from "../../../lib/grpc/mod.ts";
import { dropOwnMount } from "../../../lib/mounts/mod.ts";
import { type ExitWatcher, killProcess, type ProcessRef, processRef } from "../../../lib/process/mod.ts";
import { DriverDefinition, type StartRequest } from "../../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import type { Share } from "../../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { SANDBOX_VARIABLE } from "../stray_processes.ts";
import { startRequest } from "../testing/start_request.ts";
import type { DriverCommand, Fault } from "./subject.ts";

/** Far above anything that a driver that works needs, on a busy host without KVM. */
const CALL_TIMEOUT_MS = 400_000;

/** How long a driver may take to let go of what a call has used. */
const SETTLE_MS = 60_000;

/** The typed client of a driver. */
export type Client = GrpcClient<typeof DriverDefinition>;

/** A driver process with a run directory of its own, and what the tests do to it. */
export class DriverProcess {
  readonly runDir: string;
  readonly client: Client;
  readonly #driver: DriverCommand;
  readonly #watcher: ExitWatcher;
  #child: Deno.ChildProcess | undefined;
  #ref: ProcessRef | undefined;
  /** Shares are made one after the other, so that starts keep their order. */
  #shares: Promise<Share | undefined> = Promise.resolve(undefined);

  private constructor(driver: DriverCommand, runDir: string, watcher: ExitWatcher) {
    this.#driver = driver;
    this.#watcher = watcher;
    this.runDir = runDir;
    this.client = grpcClient(DriverDefinition, `${runDir}/driver-${driver.name}.sock`);
  }

  /** Makes a run directory and starts the driver; answers when it serves. */
  static async start(driver: DriverCommand, fault: Fault, watcher: ExitWatcher): Promise<DriverProcess> {
    // Short, so that the longest socket path below it fits.
    const runDir = await Deno.makeTempDir({ dir: "/run", prefix: "kct" });
    const self = new DriverProcess(driver, runDir, watcher);
    try {
      await self.launch(fault);
      return self;
    } catch (error) {
      await self.dispose();
      throw error;
    }
  }

  /** Starts the driver process (again). */
  async launch(fault: Fault): Promise<void> {
    const [command, ...args] = await this.#driver.command(this.runDir, fault);
    this.#child = new Deno.Command(command!, {
      args: args,
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
    }).spawn();
    this.#ref = processRef(this.#child.pid);
    await this.#untilServing();
  }

  /** A connection to the process before may break only now, under the first call. */
  async #untilServing(): Promise<void> {
    for (let attempt = 1;; attempt++) {
      try {
        await this.client.list({}, { timeoutMs: CALL_TIMEOUT_MS });
        return;
      } catch (error) {
        if (attempt === 5) throw error;
      }
    }
  }

  /** SIGKILL to the driver process alone. */
  async kill(): Promise<void> {
    if (this.#ref) killProcess(this.#ref, "SIGKILL");
    await this.#child?.status;
    this.#child = undefined;
    this.#ref = undefined;
  }

  /** The directory with the driver's sandboxes. */
  get driverDir(): string {
    return `${this.runDir}/${this.#driver.directory ?? `driver-${this.#driver.name}`}`;
  }

  /** Starts the smallest sandbox, with the suite's patience. */
  async start(sandboxId: string, change: Partial<StartRequest> = {}) {
    this.#shares = this.#shares.then(() => this.#driver.share?.(this.runDir));
    const share = await this.#shares;
    const request = startRequest({ sandboxId, vcpus: 1, memoryMib: 256n, share, ...change });
    return await this.client.start(request, { timeoutMs: CALL_TIMEOUT_MS });
  }

  /** Waits for the end of a sandbox with the suite's patience. */
  wait(sandboxId: string) {
    return this.client.wait({ sandboxId }, { timeoutMs: CALL_TIMEOUT_MS });
  }

  /** Open descriptors of the driver process. */
  openFiles(): number {
    return [...Deno.readDirSync(`/proc/${this.#ref!.pid}/fd`)].length;
  }

  /** Pids of the processes that were started for any sandbox of this driver. */
  helpers(): number[] {
    const mark = `\0${SANDBOX_VARIABLE}=${this.driverDir}/`;
    const found: number[] = [];
    for (const { name } of Deno.readDirSync("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      try {
        const environment = "\0" + new TextDecoder().decode(Deno.readFileSync(`/proc/${name}/environ`));
        if (environment.includes(mark)) found.push(Number(name));
      } catch {
        // Gone meanwhile.
      }
    }
    return found;
  }

  /** Resolves when a process has ended. */
  async ended(pid: number): Promise<void> {
    let ref: ProcessRef;
    try {
      ref = processRef(pid);
    } catch {
      return;
    }
    await this.#watcher.watch(ref);
  }

  /** Asserts that no process, socket or file of any sandbox is left. */
  async assertClean(): Promise<void> {
    const { sandboxIds } = await this.client.list({});
    deepStrictEqual(sandboxIds, []);
    const look = () => ({
      processes: this.helpers(),
      files: [...Deno.readDirSync(this.driverDir)].map((e) => e.name).filter((n) => !/^state\.db/.test(n)),
    });
    await eventually(look, { processes: [], files: [] });
  }

  /** Asserts that the driver holds as many descriptors as before. */
  async assertOpenFiles(before: number): Promise<void> {
    await eventually(() => this.openFiles() <= before || this.openFiles(), true);
  }

  /** Ends everything that a test has left, whether it passed or not. */
  async dispose(): Promise<void> {
    this.client.close();
    await this.kill();
    for (const pid of this.helpers()) {
      const gone = this.ended(pid);
      try {
        Deno.kill(pid, "SIGKILL");
      } catch {
        // Gone meanwhile.
      }
      await gone;
    }
    await this.#driver.endShares?.(this.runDir);
    // Killed, a driver has not given it back.
    if (exists(this.driverDir)) dropOwnMount(this.driverDir);
    await Deno.remove(this.runDir, { recursive: true }).catch(() => {});
  }
}

/** Asserts that `look` gives `expected`, at once or soon: the world settles a moment after an answer. */
export async function eventually<T>(look: () => T, expected: T, withinMs = SETTLE_MS): Promise<void> {
  const until = performance.now() + withinMs;
  while (performance.now() < until) {
    try {
      return deepStrictEqual(look(), expected);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
  deepStrictEqual(look(), expected);
}
