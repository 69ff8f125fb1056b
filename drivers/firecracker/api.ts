import { KuasarError } from "../../lib/errors/mod.ts";
import { RestClient, type RestRequest } from "../contract/rest/client.ts";
import type {
  Balloon,
  BootSource,
  Drive,
  DriveUpdate,
  FullVmConfig,
  InstanceInfo,
  MachineConfig,
  NetworkInterface,
  Serial,
  SnapshotCreate,
  SnapshotLoad,
  Vsock,
} from "./api_types.ts";

/** Time a call may take where nothing else is said. */
const CALL_TIMEOUT_MS = 5_000;

/** The guest's memory is written, or read. */
const SNAPSHOT_TIMEOUT_MS = 300_000;

const MAX_WORDS = 500;

/**
 * The REST API of one Firecracker process.
 *
 * Whatever it refuses is a 400 with a sentence, so a refusal is INTERNAL with the program's own words as evidence; what it
 * means in a certain state is the caller's to say.
 */
export class FirecrackerApi {
  readonly #client: RestClient;

  /** @param path of the API socket */
  constructor(path: string) {
    this.#client = new RestClient("Firecracker", path);
  }

  info(timeoutMs = CALL_TIMEOUT_MS): Promise<InstanceInfo> {
    return this.#get("/", timeoutMs);
  }

  vmConfig(timeoutMs = CALL_TIMEOUT_MS): Promise<FullVmConfig> {
    return this.#get("/vm/config", timeoutMs);
  }

  setMachine(machine: MachineConfig): Promise<void> {
    return this.#change("PUT", "/machine-config", machine);
  }

  setBootSource(source: BootSource): Promise<void> {
    return this.#change("PUT", "/boot-source", source);
  }

  setDrive(drive: Drive): Promise<void> {
    return this.#change("PUT", `/drives/${drive.drive_id}`, drive);
  }

  setNetworkInterface(nic: NetworkInterface): Promise<void> {
    return this.#change("PUT", `/network-interfaces/${nic.iface_id}`, nic);
  }

  setVsock(vsock: Vsock): Promise<void> {
    return this.#change("PUT", "/vsock", vsock);
  }

  setEntropy(): Promise<void> {
    return this.#change("PUT", "/entropy", {});
  }

  setBalloon(balloon: Balloon): Promise<void> {
    return this.#change("PUT", "/balloon", balloon);
  }

  /** Takes memory from a running guest, or gives it back. */
  resizeBalloon(amountMib: number): Promise<void> {
    return this.#change("PATCH", "/balloon", { amount_mib: amountMib });
  }

  setSerial(serial: Serial): Promise<void> {
    return this.#change("PUT", "/serial", serial);
  }

  /** Builds the VM and lets it run: what is wrong in the configuration is told here at the latest. */
  start(timeoutMs: number): Promise<void> {
    return this.#change("PUT", "/actions", { action_type: "InstanceStart" }, timeoutMs);
  }

  /** Puts another file behind a drive; the guest is told of the new size. */
  updateDrive(update: DriveUpdate): Promise<void> {
    return this.#change("PATCH", `/drives/${update.drive_id}`, update);
  }

  /** Fine where the vCPUs stand. */
  pause(): Promise<void> {
    return this.#change("PATCH", "/vm", { state: "Paused" });
  }

  /** Fine where the vCPUs run. */
  resume(): Promise<void> {
    return this.#change("PATCH", "/vm", { state: "Resumed" });
  }

  /** Writes a paused VM to two files. */
  createSnapshot(request: SnapshotCreate): Promise<void> {
    return this.#change("PUT", "/snapshot/create", request, SNAPSHOT_TIMEOUT_MS);
  }

  /** Reads a VM into a process that has none; the process ends where that fails. */
  loadSnapshot(request: SnapshotLoad): Promise<void> {
    return this.#change("PUT", "/snapshot/load", request, SNAPSHOT_TIMEOUT_MS);
  }

  /** Ends the connection; the VMM goes on. May be repeated. */
  close(): void {
    this.#client.close();
  }

  async #get<T>(path: string, timeoutMs: number): Promise<T> {
    const { status, body } = await this.#client.request({ method: "GET", path }, timeoutMs);
    if (status !== 200) throw refusal(`GET ${path}`, status, body);
    const value = parse(body);
    if (value !== undefined) return value as T;
    throw new KuasarError(
      "DATA_LOSS",
      `Cannot read the answer of Firecracker to GET ${path}: it is no object`,
      {
        evidence: [body.slice(0, 200)],
      },
    );
  }

  async #change(
    method: RestRequest["method"],
    path: string,
    content: object,
    timeoutMs = CALL_TIMEOUT_MS,
  ): Promise<void> {
    const { status, body } = await this.#client.request({ method, path, body: content }, timeoutMs);
    if (status !== 204) throw refusal(`${method} ${path}`, status, body);
  }
}

function parse(body: string): object | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A refusal is `{"fault_message": "…"}`. */
function refusal(what: string, status: number, body: string): KuasarError {
  const { fault_message: told } = (parse(body) ?? {}) as { fault_message?: unknown };
  const words = (typeof told === "string" ? told : body).trim().slice(0, MAX_WORDS);
  return new KuasarError(
    "INTERNAL",
    `Cannot ${what}: Firecracker answers ${status}${words === "" ? "" : `: ${words.split("\n")[0]}`}`,
    { evidence: words === "" ? [] : words.split("\n").map((line) => `vmm: ${line}`) },
  );
}
