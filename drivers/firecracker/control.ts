import { killProcess, type ProcessRef } from "../../lib/process/mod.ts";
import type { BlockDevice } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import type { SandboxPaths } from "../contract/sandbox_paths.ts";
import type { Control, LastWords } from "../contract/vm/control.ts";
import type { FirecrackerApi } from "./api.ts";
import type { FullVmConfig } from "./api_types.ts";
import { Drives } from "./drives.ts";
import { FirecrackerSize } from "./size.ts";
import { writeSnapshot } from "./snapshot.ts";
import { wordsOfLog } from "./vmm_log.ts";

/** The API of a running Firecracker and its drives. */
export class FirecrackerControl implements Control {
  readonly #api: FirecrackerApi;
  readonly #drives: Drives;
  readonly #vmm: ProcessRef;
  readonly #link: Deno.UnixConn;
  readonly #dir: string;
  readonly #log: string;
  readonly closed: Promise<void>;
  #lastWords: LastWords | undefined;
  #quitting = false;

  /** Where the VM has a balloon. */
  readonly resizable?: FirecrackerSize;

  private constructor(
    api: FirecrackerApi,
    config: FullVmConfig,
    paths: SandboxPaths,
    vmm: ProcessRef,
    link: Deno.UnixConn,
  ) {
    this.#api = api;
    this.#drives = new Drives(api, paths.vmDir, config);
    if (config.balloon) this.resizable = new FirecrackerSize(api);
    this.#vmm = vmm;
    this.#link = link;
    this.#dir = paths.vmDir;
    this.#log = paths.vmmLog;
    this.closed = ended(link);
  }

  /**
   * The control of a VMM whose VM was made. Takes the API over.
   *
   * @throws {KuasarError} the API is still the caller's then
   */
  static async open(
    api: FirecrackerApi,
    paths: SandboxPaths,
    vmm: ProcessRef,
    timeoutMs: number,
  ): Promise<FirecrackerControl> {
    const config = await api.vmConfig(timeoutMs);
    // Nothing is ever said on it: its end is the end of the VMM.
    const link = await Deno.connect({ transport: "unix", path: paths.monitor });
    return new FirecrackerControl(api, config, paths, vmm, link);
  }

  get lastWords(): LastWords | undefined {
    if (!this.#quitting) this.#lastWords ??= wordsOfLog(read(this.#log));
    return this.#lastWords;
  }

  async probe(timeoutMs: number): Promise<void> {
    await this.#api.info(timeoutMs);
  }

  pause(): Promise<void> {
    return this.#api.pause();
  }

  resume(): Promise<void> {
    return this.#api.resume();
  }

  /** Its API has no word for it. Only the guest could end by Ctrl-Alt-Del, where it listens to a keyboard. */
  quit(): Promise<void> {
    this.#quitting = true;
    // The first process of its PID namespace hears no signal that it has no handler for.
    killProcess(this.#vmm, "SIGKILL");
    return Promise.resolve();
  }

  snapshot(directory: string): Promise<void> {
    return writeSnapshot(this.#api, this.#dir, directory);
  }

  attachBlock(device: BlockDevice): Promise<void> {
    return this.#drives.attach(device);
  }

  guestSource(serial: string): string | undefined {
    return this.#drives.source(serial);
  }

  detachBlock(serial: string): Promise<void> {
    return this.#drives.detach(serial);
  }

  close(): void {
    this.#quitting = true;
    this.#api.close();
    try {
      this.#link.close();
    } catch {
      // Closed before.
    }
  }
}

function read(path: string): Uint8Array {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Uint8Array(0);
    throw error;
  }
}

async function ended(link: Deno.UnixConn): Promise<void> {
  try {
    while (await link.read(new Uint8Array(64)) !== null) { /* nothing is expected */ }
  } catch {
    // Reset, or closed by us.
  }
}
