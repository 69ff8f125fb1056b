import { exists } from "../../lib/files/mod.ts";

/** Names of drivers: they are parts of file names. */
export const DRIVER_NAME = /^[a-z][a-z0-9-]{0,31}$/;

const SOCKET = /^driver-(.+)\.sock$/;

/** The drivers of this node, so that a new one is known by being installed. */
export class InstalledDrivers {
  readonly #runDir: string;
  readonly #seen = new Set<string>();

  constructor(runDir: string) {
    this.#runDir = runDir;
  }

  /**
   * Those whose sockets are in the run directory, or were: systemd and the supervisor hold them as long as a driver is
   * installed, but a driver that runs without either takes its own away for a moment when it restarts.
   */
  names(): string[] {
    for (const { name } of Deno.readDirSync(this.#runDir)) {
      const [, driver = ""] = SOCKET.exec(name) ?? [];
      if (DRIVER_NAME.test(driver)) this.#seen.add(driver);
    }
    return [...this.#seen].sort();
  }

  /** Those that have run since the node's boot: only they can have sandboxes, and no other is to be woken for a question. */
  haveRun(): string[] {
    return this.names().filter((driver) => exists(`${this.#runDir}/driver-${driver}`));
  }
}
