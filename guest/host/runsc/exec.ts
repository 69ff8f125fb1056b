import { KuasarError } from "../../../lib/errors/mod.ts";
import * as sys from "../../native/sys.js";
import type { AdoptedProcess } from "../../task/container.ts";
import type { LastingCall } from "../../task/runtime_call.ts";
import { TaskProcess } from "../../task/process.ts";
import type { ProcessIo } from "../../task/stdio.ts";
import type { Runsc } from "./command.ts";

/** Where an exec is: its id, and the bundle of its container. */
interface Place {
  execId: string;
  containerId: string;
  bundle: string;
}

/** A process exec'ed into a container: the sandbox's alone, but for a helper of runsc's that ends as it does. */
export class RunscExec {
  readonly process: TaskProcess;
  readonly #place: Place;
  /** Until the start, which hands them on. */
  #streams: ProcessIo | undefined;
  readonly #spec: string;
  /** In the sandbox; 0 before the start. */
  #internalPid = 0;

  private constructor(place: Place, terminal: boolean, streams: ProcessIo | undefined, spec: string) {
    this.#place = place;
    this.process = new TaskProcess(`exec ${place.execId} of container ${place.containerId}`, terminal);
    this.#streams = streams;
    this.#spec = spec;
  }

  /** One that waits to be started. @param spec OCI process as JSON */
  static waiting(place: Place, terminal: boolean, streams: ProcessIo, spec: string): RunscExec {
    return new RunscExec(place, terminal, streams, spec);
  }

  /** Takes over one of an earlier run of this program. */
  static adopt(place: Place, { pid, terminal, exit, waitForExit }: AdoptedProcess): RunscExec {
    const exec = new RunscExec(place, terminal, undefined, "");
    exec.process.adopt(pid, exit ? "stopped" : "running", exit);
    const file = exec.#pidFile;
    if (sys.exists(file)) exec.#internalPid = Number(sys.readTextFile(file, 32));
    if (!exit) void exec.#awaitEnd(waitForExit());
    return exec;
  }

  /** The pid in the sandbox; 0 before the start. */
  get internalPid(): number {
    return this.#internalPid;
  }

  /** Starts it. @param runscId of the container */
  async start(runsc: Runsc, runscId: string): Promise<void> {
    const { execId, bundle } = this.#place;
    const streams = this.#streams;
    this.#streams = undefined;
    this.process.move("start");
    if (!streams) {
      throw new KuasarError("INTERNAL", `Cannot start ${this.process.what}: its streams are gone`);
    }
    const file = `${bundle}/exec-${execId}.json`;
    let exit: LastingCall["exit"];
    try {
      sys.writeFile(file, this.#spec, 0o600);
      const { helper, internalPid } = await runsc.exec(runscId, file, this.#pidFile, streams.options);
      exit = helper.exit;
      this.#internalPid = internalPid;
      this.process.began(helper.pid);
      await streams.started();
    } catch (error) {
      streams.discard();
      this.process.ended(255);
      throw error;
    } finally {
      if (sys.exists(file)) sys.unlink(file);
    }
    void this.#awaitEnd(exit);
  }

  /** Closes the streams of one that was not started. */
  discard(): void {
    this.#streams?.discard();
  }

  /** Forgets one that has ended or was never started. */
  delete(): void {
    if (this.process.state === "created") this.process.ended(0);
    this.process.move("delete");
    this.discard();
    if (sys.exists(this.#pidFile)) sys.unlink(this.#pidFile);
  }

  async #awaitEnd(exit: Promise<{ code: number; atNs?: bigint }>): Promise<void> {
    const { code, atNs } = await exit;
    this.process.ended(code, atNs);
  }

  /** Where its pid in the sandbox is kept for a later run of this program. */
  get #pidFile(): string {
    return `${this.#place.bundle}/exec-${this.#place.execId}.pid`;
  }
}
