import { KuasarError } from "../../lib/errors/mod.ts";
import type {
  AddedDevice,
  DeviceConfig,
  DiskConfig,
  FsConfig,
  NetConfig,
  PingAnswer,
  PmemConfig,
  ResizeRequest,
  RestoreRequest,
  VmConfig,
  VmCounters,
  VmInfo,
} from "./api_types.ts";
import { RestClient } from "../contract/rest/client.ts";

/** Time a call may take where nothing else is said: the VMM answers at once, or something long is under way. */
const CALL_TIMEOUT_MS = 5_000;

/** The guest has to be paused and its memory written, or read. */
const SNAPSHOT_TIMEOUT_MS = 300_000;

const MAX_EVIDENCE = 10;

/**
 * The REST API of one Cloud Hypervisor process.
 *
 * Its status codes differ from version to version, so a refusal is INTERNAL with the program's own words as evidence;
 * what it means in a certain state is the caller's to say.
 */
export class CloudHypervisorApi {
  readonly #client: RestClient;

  /** @param path of the API socket */
  constructor(path: string) {
    this.#client = new RestClient("Cloud Hypervisor", path);
  }

  ping(timeoutMs = CALL_TIMEOUT_MS): Promise<PingAnswer> {
    return this.#get("vmm.ping", timeoutMs);
  }

  /** Only stores the configuration; what is wrong in it is told by {@link boot}. */
  async create(config: VmConfig): Promise<void> {
    await this.#put("vm.create", config);
  }

  async boot(timeoutMs: number): Promise<void> {
    await this.#put("vm.boot", undefined, { timeoutMs });
  }

  info(timeoutMs = CALL_TIMEOUT_MS): Promise<VmInfo> {
    return this.#get("vm.info", timeoutMs);
  }

  counters(): Promise<VmCounters> {
    return this.#get("vm.counters", CALL_TIMEOUT_MS);
  }

  async pause(): Promise<void> {
    await this.#put("vm.pause");
  }

  async resume(): Promise<void> {
    await this.#put("vm.resume");
  }

  async powerButton(): Promise<void> {
    await this.#put("vm.power-button");
  }

  /** Ends the VM at once; the process stays. */
  async shutdown(): Promise<void> {
    await this.#put("vm.shutdown");
  }

  async delete(): Promise<void> {
    await this.#put("vm.delete");
  }

  /** Ends the process. */
  async shutdownVmm(timeoutMs: number): Promise<void> {
    await this.#put("vmm.shutdown", undefined, { timeoutMs });
  }

  /**
   * Adds a NIC on tap queues.
   *
   * @param fds one descriptor for each queue pair; the VMM takes copies
   * @returns nothing where the VM is not booted yet
   */
  addNet(net: NetConfig, fds: readonly number[]): Promise<AddedDevice | undefined> {
    return this.#put("vm.add-net", net, { fds });
  }

  addDisk(disk: DiskConfig): Promise<AddedDevice | undefined> {
    return this.#put("vm.add-disk", disk);
  }

  addFs(fs: FsConfig): Promise<AddedDevice | undefined> {
    return this.#put("vm.add-fs", fs);
  }

  addPmem(pmem: PmemConfig): Promise<AddedDevice | undefined> {
    return this.#put("vm.add-pmem", pmem);
  }

  addDevice(device: DeviceConfig): Promise<AddedDevice | undefined> {
    return this.#put("vm.add-device", device);
  }

  /** Asks the guest to let go of a device; the event `device-removed` tells when it has. */
  async removeDevice(id: string): Promise<void> {
    await this.#put("vm.remove-device", { id });
  }

  /** Less memory than at boot is answered with success and changes nothing: look at `memory_actual_size`. */
  async resize(request: ResizeRequest): Promise<void> {
    await this.#put("vm.resize", request);
  }

  /** Writes a paused VM to an empty directory. */
  async snapshot(directory: string): Promise<void> {
    const body = { destination_url: `file://${directory}` };
    await this.#put("vm.snapshot", body, { timeoutMs: SNAPSHOT_TIMEOUT_MS });
  }

  /**
   * Reads a VM into a process that has none.
   *
   * @param fds the tap queues of `net_fds`, in that order
   */
  async restore(request: RestoreRequest, fds: readonly number[]): Promise<void> {
    await this.#put("vm.restore", request, { fds, timeoutMs: SNAPSHOT_TIMEOUT_MS });
  }

  /** Ends the connection; the VMM goes on. May be repeated. */
  close(): void {
    this.#client.close();
  }

  async #get<T>(name: string, timeoutMs: number): Promise<T> {
    const path = `/api/v1/${name}`;
    const { status, body } = await this.#client.request({ method: "GET", path }, timeoutMs);
    if (status !== 200) throw refusal(name, status, body);
    return parse(name, body) as T;
  }

  async #put<T>(
    name: string,
    content?: object,
    { fds = [], timeoutMs = CALL_TIMEOUT_MS }: { fds?: readonly number[]; timeoutMs?: number } = {},
  ): Promise<T | undefined> {
    const { status, body } = await this.#client.request(
      { method: "PUT", path: `/api/v1/${name}`, ...(content && { body: content }), fds },
      timeoutMs,
    );
    if (status !== 200 && status !== 204) throw refusal(name, status, body);
    return body === "" ? undefined : parse(name, body) as T;
  }
}

function parse(name: string, body: string): object {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // Told below.
  }
  throw new KuasarError(
    "DATA_LOSS",
    `Cannot read the answer of Cloud Hypervisor to ${name}: it is no object`,
    {
      evidence: [body.slice(0, 200)],
    },
  );
}

/** v47 and later answer with a JSON array, outermost error first; earlier ones with plain text. */
function refusal(name: string, status: number, body: string): KuasarError {
  let words: string[] = [];
  try {
    const value: unknown = JSON.parse(body);
    if (Array.isArray(value)) words = value.map(String);
  } catch {
    // Plain text.
  }
  if (words.length === 0) words = body.split("\n").filter((line) => line.trim() !== "");
  const evidence = words.slice(0, MAX_EVIDENCE).map((line) => `vmm: ${line.slice(0, 500)}`);
  const reason = words.length > 0 ? `: ${words.at(-1)!.slice(0, 200)}` : "";
  return new KuasarError("INTERNAL", `Cannot ${name}: Cloud Hypervisor answers ${status}${reason}`, {
    evidence,
  });
}
