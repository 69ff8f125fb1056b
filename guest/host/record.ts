import { KuasarError } from "../../lib/errors/mod.ts";
import { checkId } from "../../lib/oci/mod.ts";
import type {
  GuestEndpoint,
  HostRuntime,
  ReturnedFile,
} from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import * as sys from "../native/sys.js";
import { log } from "../runtime/log.ts";
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
  /** Files of the host of which the guest has copies that are read when the container has ended. */
  returned?: ReturnedFile[];
  /** How it runs on the host itself, instead of `endpoint`. */
  runtime?: HostRuntime;
  /** Its processes there; the init's name is empty. */
  processes?: Record<string, LocalProcess>;
}

/** Whether a container is in no pod: then its sandbox, made for it alone, has its id. */
export function isAlone({ id, sandboxId }: Pick<ContainerRecord, "id" | "sandboxId">): boolean {
  return id === sandboxId;
}

const MAX_RECORD_BYTES = 1 << 20;
const LATE_MS = 100;
/** Between two tries to write what there was no room for. */
const RETRY_MS = 1_000;

/** The records of all containers, one JSON file each, replaced atomically. */
export class RecordStore {
  readonly #directory: string;
  /** Those that are to be written soon, with their timers. */
  readonly #late = new Map<string, ReturnType<typeof setTimeout>>();
  /** Containers whose record is older than what is known of them, for want of room. */
  readonly #behind = new Set<string>();

  constructor(directory: string) {
    this.#directory = directory;
    sys.mkdirAll(directory, 0o700);
  }

  /** Writes a record a moment later, or with the next {@link note}: for what is no loss where this server dies before. */
  saveSoon(record: ContainerRecord): void {
    this.#noteIn(LATE_MS, record);
  }

  #noteIn(ms: number, record: ContainerRecord): void {
    if (this.#late.has(record.id)) return;
    this.#late.set(record.id, setTimeout(() => this.note(record), ms));
  }

  #notLate(id: string): void {
    clearTimeout(this.#late.get(id));
    this.#late.delete(id);
  }

  /** Writes a record before there is anything of its container. @throws SysError where there is no room */
  save(record: ContainerRecord): void {
    this.#notLate(record.id);
    replaceFile(this.#path(record.id), JSON.stringify(record));
  }

  /**
   * Writes what has become of a container. It has happened, and only a server that comes after this one needs to read it: where
   * there is no room, that is said once and tried again until there is.
   */
  note(record: ContainerRecord): void {
    const { id } = record;
    try {
      this.save(record);
      if (this.#behind.delete(id)) log.info("the record of a container is written again", { container: id });
    } catch (error) {
      if (!this.#behind.has(id)) {
        log.error("cannot write the record of a container yet", { container: id, error });
      }
      this.#behind.add(id);
      this.#noteIn(RETRY_MS, record);
    }
  }

  remove(id: string): void {
    this.#notLate(id);
    this.#behind.delete(id);
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

/** A file system gives room in blocks of this size at least (tmpfs: pages). */
const BLOCK_BYTES = 4096;

/**
 * Replaces a file by one that is written whole. Where there is no room for both, it is written over in the blocks that it has,
 * padded with spaces, by one write that a kill does not cut in two.
 *
 * @throws SysError and leaves the file as it was
 */
function replaceFile(path: string, text: string): void {
  try {
    sys.writeFile(`${path}.new`, text, 0o600);
    sys.rename(`${path}.new`, path);
  } catch (error) {
    if (sys.exists(`${path}.new`)) sys.unlink(`${path}.new`);
    const size = sys.exists(path) ? sys.stat(path).size : 0;
    const bytes = sys.utf8Encode(text);
    if (size === 0 || bytes.length > Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES) throw error;
    const padded = new Uint8Array(Math.max(size, bytes.length)).fill(0x20);
    padded.set(bytes);
    sys.writeFile(path, padded, 0o600, sys.O.WRONLY);
  }
}
