import { KuasarError } from "../../lib/errors/mod.ts";
import { checkId } from "../../lib/oci/mod.ts";
import type { GuestEndpoint, HostRuntime } from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import * as sys from "../native/sys.js";
import type { HostProcess } from "./host_process.ts";
import type { StdioPaths } from "./stdio.ts";

/** A process of a container on the host. */
export interface LocalProcess extends HostProcess {
  /** False while it waits to be started. */
  started: boolean;
  /** How it has ended: exit code or 128 + signal, nanoseconds since 1970. */
  exit?: { status: number; atNs: string };
  /** containerd has ended its input. */
  stdinClosed?: boolean;
}

/** What must be known about a container to take it over after a restart of this server. */
export interface ContainerRecord {
  id: string;
  sandboxId: string;
  /** containerd's namespace, for events. */
  namespace: string;
  /** containerd's bundle. */
  bundle: string;
  /** `preparing`: nothing is known to exist yet, all of it may. `releasing`: only the sandboxer is still to be told. */
  phase: "preparing" | "created" | "releasing";
  paths: StdioPaths;
  endpoint?: GuestEndpoint;
  vmm?: HostProcess;
  /** The pod's network namespace, to a guest of which ports are forwarded. */
  netns?: string;
  /** A pause container: it stands for its sandbox and nothing runs for it. */
  pause?: boolean;
  execs: Record<string, StdioPaths>;
  /** How it runs on the host itself, instead of `endpoint`. */
  runtime?: HostRuntime;
  /** Its processes there; the init's name is empty. */
  processes?: Record<string, LocalProcess>;
}

const MAX_RECORD_BYTES = 1 << 20;
const LATE_MS = 100;

/** The records of all containers, one JSON file each, replaced atomically. */
export class RecordStore {
  readonly #directory: string;
  /** Those that are to be written soon, with their timers. */
  readonly #late = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(directory: string) {
    this.#directory = directory;
    sys.mkdirAll(directory, 0o700);
  }

  /** Writes a record a moment later, or with the next {@link save}: for what is no loss where this server dies before. */
  saveSoon(record: ContainerRecord): void {
    if (this.#late.has(record.id)) return;
    this.#late.set(record.id, setTimeout(() => this.save(record), LATE_MS));
  }

  #notLate(id: string): void {
    clearTimeout(this.#late.get(id));
    this.#late.delete(id);
  }

  save(record: ContainerRecord): void {
    this.#notLate(record.id);
    const path = this.#path(record.id);
    sys.writeFile(`${path}.new`, JSON.stringify(record), 0o600);
    sys.rename(`${path}.new`, path);
  }

  remove(id: string): void {
    this.#notLate(id);
    const path = this.#path(id);
    if (sys.exists(path)) sys.unlink(path);
  }

  /** Every record that can be read; what cannot is reported and left for people to look at. */
  load(report: (file: string, error: unknown) => void): ContainerRecord[] {
    const names = sys.readdir(this.#directory).map(({ name }) => name).filter((name) =>
      name.endsWith(".json")
    );
    return names.flatMap((name) => {
      try {
        const record = JSON.parse(
          sys.readTextFile(`${this.#directory}/${name}`, MAX_RECORD_BYTES),
        ) as ContainerRecord;
        if (`${checkId(record.id, "container id")}.json` !== name) {
          throw new KuasarError("DATA_LOSS", `Cannot take over ${name}: it is of ${record.id}`);
        }
        return [record];
      } catch (error) {
        report(name, error);
        return [];
      }
    });
  }

  #path(id: string): string {
    return `${this.#directory}/${id}.json`;
  }
}
