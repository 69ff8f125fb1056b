import { asKuasarError, KuasarError } from "../../lib/errors/mod.ts";
import { TaskDefinition } from "../../lib/proto/gen/containerd/task/v3/task.ts";
import type { Envelope } from "../../lib/proto/gen/containerd/types/types.ts";
import { SandboxServiceDefinition } from "../../lib/proto/gen/grpc/sandbox.ts";
import type { GuestEndpoint } from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import { createClient, TtrpcClient } from "../../lib/ttrpc/mod.ts";
import * as sys from "../native/sys.js";
import { sleep } from "../runtime/deadline.ts";
import { FdStream } from "../runtime/fd_stream.ts";
import { log } from "../runtime/log.ts";
import { ask, dialGuest } from "./dial.ts";
import { GuestPace } from "./guest_pace.ts";
import { type HostProcess, watchEnd } from "./host_process.ts";
import { PodPorts } from "./pod_ports.ts";
import type { GuestTask, SandboxLink } from "./sandbox_link.ts";
import { readReturned } from "./returned_files.ts";
import { TimedCalls } from "./timed_calls.ts";

const AGENT_PORT = 1024;
const STREAM_PORT = 1026;
const DIAL_TIMEOUT_MS = 5_000;
const RETRY_MS = 100;

/** Where the host finds a guest. */
export interface GuestPlace {
  endpoint: GuestEndpoint;
  /** Its virtual machine. */
  vmm: HostProcess;
  /** The network namespace of its pod, empty where it has none. */
  netns: string;
}

/**
 * The connection to the agent of one guest. It is made when it is needed and made again when it breaks; it is over for good when
 * the virtual machine is.
 */
export class GuestLink implements SandboxLink {
  readonly sandboxId: string;
  readonly vmm: HostProcess;
  readonly local = false;
  /** Resolves when the virtual machine has ended. */
  readonly died: Promise<void>;
  #dead = false;
  #die: () => void = () => {};
  #stopWatch: () => void = () => {};
  readonly #endpoint: GuestEndpoint;
  readonly #pace: GuestPace;
  readonly #ports: PodPorts | undefined;
  readonly #calls: TimedCalls;
  #connecting: Promise<TtrpcClient> | undefined;

  /** @param onEvent gets what the guest publishes, and where to complain about it */
  constructor(
    sandboxId: string,
    { endpoint, vmm, netns }: GuestPlace,
    onEvent: (envelope: Envelope, pace: GuestPace) => void,
  ) {
    this.sandboxId = sandboxId;
    this.#pace = new GuestPace(sandboxId);
    this.#calls = new TimedCalls(sandboxId);
    this.#endpoint = endpoint;
    this.vmm = vmm;
    this.died = new Promise((resolve) => this.#die = resolve);
    this.#stopWatch = watchEnd(vmm, () => {
      log.warn("the virtual machine has ended", { sandbox: sandboxId });
      this.close();
    });
    if (this.#dead) return;
    if (netns !== "") this.#ports = PodPorts.serve(netns, (port) => this.#openPort(port));
    void this.#pollEvents(onEvent);
  }

  get pid(): number {
    return this.vmm.pid;
  }

  get dead(): boolean {
    return this.#dead;
  }

  get silent(): boolean {
    return this.#calls.silent;
  }

  /**
   * Calls the guest's Task service, over a new connection where the old one broke before the answer came. Only for calls that
   * may be repeated, or with `repeat` false.
   *
   * @throws KuasarError what the guest answers; UNAVAILABLE when the virtual machine is gone
   */
  task<T>(work: (task: GuestTask) => Promise<T>, repeat = true): Promise<T> {
    return work(
      this.#calls.client((method, request, limitMs) => this.#call(method, request, repeat, limitMs)),
    );
  }

  async #call(
    method: keyof GuestTask,
    request: unknown,
    repeat: boolean,
    timeoutMs: number | undefined,
  ): Promise<unknown> {
    const end = sys.nowMs() + (timeoutMs ?? Infinity);
    for (;;) {
      const client = await this.#client();
      try {
        const call = createClient(TaskDefinition, client)[method] as (request: unknown) => Promise<unknown>;
        return await call(request);
      } catch (error) {
        const own = asKuasarError(error);
        if (own.code !== "UNAVAILABLE" || this.#dead || !repeat || sys.nowMs() > end) throw own;
        await sleep(RETRY_MS);
      }
    }
  }

  /** Opens one stdio stream. @returns its connection, owned by the caller. @throws KuasarError NOT_FOUND, UNAVAILABLE */
  async openStream(container: string, exec: string, name: string): Promise<number> {
    const header = `STREAM ${container} ${exec || "-"} ${name}`;
    return await this.#open(header, `open ${name} of ${container}`);
  }

  /** The end of a container's copy of a volume of one file. @throws KuasarError NOT_FOUND, UNAVAILABLE, DEADLINE_EXCEEDED */
  async readFile(container: string, volume: number): Promise<Uint8Array> {
    const fd = await this.#open(`FILE ${container} ${volume}`, `read volume ${volume} of ${container}`);
    return await readReturned(fd);
  }

  /** Connects to a TCP port of the pod's localhost. */
  async #openPort(port: number): Promise<number> {
    return await this.#open(`FORWARD ${port}`, `connect to port ${port} of the pod`);
  }

  async #open(header: string, what: string): Promise<number> {
    const fd = await dialGuest(this.#endpoint, STREAM_PORT, DIAL_TIMEOUT_MS);
    try {
      const answer = await ask(fd, header, DIAL_TIMEOUT_MS);
      if (answer === "OK") return fd;
      throw new KuasarError("NOT_FOUND", `Cannot ${what}: the guest answers ${JSON.stringify(answer)}`);
    } catch (error) {
      sys.close(fd);
      throw error;
    }
  }

  /** Ends the link; calls that are under way fail. */
  close(): void {
    if (this.#dead) return;
    this.#dead = true;
    this.#stopWatch();
    this.#ports?.close();
    void this.#connecting?.then((client) => client.close(), () => {});
    this.#die();
  }

  #client(): Promise<TtrpcClient> {
    this.#connecting ??= this.#connect();
    return this.#connecting;
  }

  async #connect(): Promise<TtrpcClient> {
    try {
      for (;;) {
        if (this.#dead) {
          throw new KuasarError("UNAVAILABLE", `Cannot reach sandbox ${this.sandboxId}: it has ended`);
        }
        try {
          const stream = new FdStream(await dialGuest(this.#endpoint, AGENT_PORT, DIAL_TIMEOUT_MS));
          const client = new TtrpcClient(this.#pace.slowed(stream), this.#pace.limits);
          void client.closed.then(() => this.#connecting = undefined);
          return client;
        } catch (error) {
          log.debug("cannot reach a guest", { sandbox: this.sandboxId, error });
          await Promise.race([sleep(RETRY_MS), this.died]);
        }
      }
    } catch (error) {
      this.#connecting = undefined;
      throw error;
    }
  }

  /** Asks for events one after the other; the guest answers when there is one. */
  async #pollEvents(onEvent: (envelope: Envelope, pace: GuestPace) => void): Promise<void> {
    while (!this.#dead) {
      try {
        const client = await this.#client();
        onEvent(await createClient(SandboxServiceDefinition, client).getEvents({}), this.#pace);
        await this.#pace.event();
      } catch (error) {
        if (this.#dead) return;
        log.debug("no events", { sandbox: this.sandboxId, error });
        await Promise.race([sleep(10 * RETRY_MS), this.died]);
      }
    }
  }
}
