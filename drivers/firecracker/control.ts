import { killProcess, type ProcessRef } from "../../lib/process/mod.ts";
import type { BlockDevice } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import type { SandboxPaths } from "../contract/sandbox_paths.ts";
import type { Control, LastWords } from "../contract/vm/control.ts";
import type { FirecrackerApi } from "./api.ts";
import { drivePaths } from "./drive_paths.ts";
import { Drives } from "./drives.ts";
import { wordsOfLog } from "./vmm_log.ts";

/** The API of a running Firecracker and its drives. */
export class FirecrackerControl implements Control {
  readonly #api: FirecrackerApi;
  readonly #drives: Drives;
  readonly #vmm: ProcessRef;
  readonly #link: Deno.UnixConn;
  readonly closed: Promise<void>;
  #lastWords: LastWords | undefined;
  #quitting = false;

  private constructor(
    api: FirecrackerApi,
    drives: Drives,
    vmm: ProcessRef,
    link: Deno.UnixConn,
    log: string,
  ) {
    this.#api = api;
    this.#drives = drives;
    this.#vmm = vmm;
    this.#link = link;
    this.closed = ended(link).then(async () => {
      if (!this.#quitting) this.#lastWords = await Deno.readFile(log).then(wordsOfLog, () => undefined);
    });
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
    const drives = new Drives(api, drivePaths(paths), await api.vmConfig(timeoutMs));
    // Nothing is ever said on it: its end is the end of the VMM.
    const link = await Deno.connect({ transport: "unix", path: paths.monitor });
    return new FirecrackerControl(api, drives, vmm, link, paths.vmmLog);
  }

  get lastWords(): LastWords | undefined {
    return this.#lastWords;
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
    killProcess(this.#vmm, "SIGTERM");
    return Promise.resolve();
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

async function ended(link: Deno.UnixConn): Promise<void> {
  try {
    while (await link.read(new Uint8Array(64)) !== null) { /* nothing is expected */ }
  } catch {
    // Reset, or closed by us.
  }
}
