import { KuasarError } from "../../../lib/errors/mod.ts";
import { type GrpcClient, grpcClient, type GrpcServer } from "../../../lib/grpc/mod.ts";
import { captureLog } from "../../../lib/log/mod.ts";
import {
  type ControllerCreateRequest,
  ControllerDefinition,
} from "../../../lib/proto/gen/containerd/services/sandbox/v1/sandbox.ts";
import { AdminDefinition } from "../../../lib/proto/gen/kuasar/admin/v1/admin.ts";
import { PrepareDefinition } from "../../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import { PodSandboxConfig } from "../../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";
import { connectUnix } from "../../../lib/transport/mod.ts";
import { createClient, TtrpcClient, type TypedClient } from "../../../lib/ttrpc/mod.ts";
import { loadSandboxerConfig, type SandboxerConfig } from "../config.ts";
import type { Later } from "../janitor.ts";
import { Sandboxer } from "../sandboxer.ts";
import { serveStandInDriver } from "./stand_in_driver.ts";
import { serveStandInNetwork } from "./stand_in_network.ts";
import { serveStandInStorage } from "./stand_in_storage.ts";
import { World } from "./world.ts";

/** The services that can be restarted by name. */
const STAND_INS = {
  network: serveStandInNetwork,
  storage: serveStandInStorage,
  driver: serveStandInDriver,
} as const;

/** The name of one of them. */
export type StandInName = keyof typeof STAND_INS;

const TIMEOUT_MS = 30_000;

/** A node of stand-ins with a real sandboxer on it. */
export class Fixture {
  readonly world = new World();
  readonly runDir: string;
  config: SandboxerConfig;
  controller: GrpcClient<typeof ControllerDefinition>;
  admin: GrpcClient<typeof AdminDefinition>;
  readonly log: string[] = [];
  /** When the sandboxer tries again what has failed; after its usual pauses unless set. */
  later: Later | undefined;
  readonly #servers = new Map<StandInName, GrpcServer>();
  #sandboxer: Sandboxer | undefined;

  private constructor(runDir: string) {
    this.runDir = runDir;
    const defaults = loadSandboxerConfig(undefined);
    this.config = {
      ...defaults,
      timeouts: { ...defaults.timeouts, peer_ms: 10_000 },
      clock_sync_ms: 0,
      watchdog_ms: 0,
    };
    this.controller = grpcClient(ControllerDefinition, `${runDir}/sandboxer.sock`);
    this.admin = grpcClient(AdminDefinition, `${runDir}/sandboxer.sock`);
  }

  /** Runs a test on a new node; afterwards nothing of it is left. */
  static async run(
    test: (fixture: Fixture) => Promise<void>,
    config: Partial<SandboxerConfig> = {},
    later?: Later,
  ): Promise<void> {
    const fixture = new Fixture(await Deno.makeTempDir({ prefix: "kt-sb-" }));
    const restoreLog = captureLog((line) => fixture.log.push(line));
    fixture.config = { ...fixture.config, ...config };
    fixture.later = later;
    try {
      for (const name of Object.keys(STAND_INS) as StandInName[]) await fixture.up(name);
      await fixture.upSandboxer();
      await test(fixture);
    } catch (error) {
      console.error(fixture.log.join(""));
      throw error;
    } finally {
      fixture.controller.close();
      fixture.admin.close();
      await fixture.downSandboxer();
      for (const name of [...fixture.#servers.keys()]) await fixture.down(name);
      for (const vm of fixture.world.vms.values()) await vm.closeGuest();
      restoreLog();
      await Deno.remove(fixture.runDir, { recursive: true });
    }
  }

  async up(name: StandInName): Promise<void> {
    this.#servers.set(name, await STAND_INS[name](this.runDir, this.world));
  }

  /** Ends a stand-in at once, like a kill; the world stays. */
  async down(name: StandInName): Promise<void> {
    const server = this.#servers.get(name);
    this.#servers.delete(name);
    await server?.close(0);
  }

  async upSandboxer(): Promise<void> {
    this.#sandboxer = await Sandboxer.start({
      runDir: this.runDir,
      config: this.config,
      // Its sandboxes have no processes, and others' tests use the same ids.
      cgroupTrees: [],
      ...(this.later && { later: this.later }),
    });
  }

  async downSandboxer(): Promise<void> {
    const sandboxer = this.#sandboxer;
    this.#sandboxer = undefined;
    await sandboxer?.close(0);
  }

  /** Ends the sandboxer and starts a new one on the same state; resolves when that has recovered. */
  async restartSandboxer(): Promise<void> {
    await this.downSandboxer();
    await this.upSandboxer();
    await this.recovered();
  }

  /** As {@link restartSandboxer}, with another configuration. */
  async restartWith(config: Partial<SandboxerConfig>): Promise<void> {
    this.config = { ...this.config, ...config };
    await this.restartSandboxer();
  }

  /** Resolves when the sandboxer has taken up what it found. */
  async recovered(): Promise<void> {
    await this.#sandboxer?.recovered;
  }

  async create(id: string, change: Partial<ControllerCreateRequest> = {}): Promise<void> {
    await this.controller.create({ ...createRequest(id), ...change });
  }

  start(id: string) {
    return this.controller.start({ sandboxId: id, sandboxer: "" }, { timeoutMs: TIMEOUT_MS });
  }

  /** Creates and starts a sandbox. */
  async runPod(id: string): Promise<void> {
    await again(() => this.create(id));
    await this.start(id);
  }

  stop(id: string) {
    return again(() => this.controller.stop({ sandboxId: id, timeoutSecs: 0, sandboxer: "" }));
  }

  shutdown(id: string) {
    return again(() => this.controller.shutdown({ sandboxId: id, sandboxer: "" }));
  }

  status(id: string, verbose = false) {
    return again(() => this.controller.status({ sandboxId: id, verbose, sandboxer: "" }));
  }

  wait(id: string) {
    return this.controller.wait({ sandboxId: id, sandboxer: "" }, { timeoutMs: TIMEOUT_MS });
  }

  /** State of a sandbox in the store, by the admin service. */
  async state(id: string): Promise<string> {
    return (await again(() => this.admin.inspect({ id }))).summary?.state ?? "";
  }

  /** State of a sandbox, undefined where there is none. */
  async found(id: string): Promise<string | undefined> {
    return (await again(() => this.admin.list({}))).sandboxes.find((s) => s.id === id)?.state;
  }

  /** Waits until a sandbox is in a state, for what happens in the background. */
  async until(id: string, wanted: string | undefined): Promise<void> {
    for (let tries = 0; tries < 2000; tries++) {
      if (await this.found(id) === wanted) return;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    throw new Error(`sandbox ${id} never came to ${wanted}`);
  }

  /** Talks to the prepare socket as the task server does. */
  async withPrepare<T>(talk: (prepare: TypedClient<typeof PrepareDefinition>) => Promise<T>): Promise<T> {
    const client = new TtrpcClient(
      await connectUnix(`${this.runDir}/prepare.sock`, { timeoutMs: TIMEOUT_MS }),
    );
    try {
      return await talk(createClient(PrepareDefinition, client, { timeoutMs: TIMEOUT_MS }));
    } finally {
      client.close();
      await client.closed;
    }
  }
}

/**
 * Makes a call that may be repeated, again where the client had not noticed yet that the sandboxer before has ended: in
 * one process both happen within one turn of the event loop.
 */
async function again<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof KuasarError) || error.code !== "UNAVAILABLE") throw error;
    return await call();
  }
}

/** What containerd sends for a pod with a CNI network. */
export function createRequest(id: string, pod: Partial<PodSandboxConfig> = {}): ControllerCreateRequest {
  const metadata = { name: `pod-${id}`, uid: `uid-${id}`, namespace: "default", attempt: 0 };
  const config: PodSandboxConfig = {
    metadata,
    hostname: `host-${id}`,
    logDirectory: "",
    dnsConfig: { servers: ["10.0.0.10"], searches: ["svc"], options: ["ndots:5"] },
    portMappings: [],
    labels: {},
    annotations: {},
    linux: undefined,
    ...pod,
  };
  const cni = { Version: "v1", Metadata: { ID: id, RuntimeHandler: "kuasar-qemu", IP: "10.1.0.2" } };
  return {
    sandboxId: id,
    rootfs: [],
    options: { typeUrl: "runtime.v1.PodSandboxConfig", value: PodSandboxConfig.encode(config).finish() },
    netnsPath: "/var/run/netns/cni-1",
    annotations: {},
    sandbox: {
      sandboxId: id,
      runtime: undefined,
      spec: undefined,
      labels: { name: `pod-${id}_default_uid-${id}_0` },
      // Go's zero time, which containerd sends for pods on the host's network.
      createdAt: { seconds: -62135596800n, nanos: 0 },
      updatedAt: { seconds: -62135596800n, nanos: 0 },
      extensions: {
        metadata: {
          typeUrl: "github.com/containerd/cri/pkg/store/sandbox/Metadata",
          value: new TextEncoder().encode(JSON.stringify(cni)),
        },
      },
      sandboxer: "kuasar",
    },
    sandboxer: "kuasar",
  };
}
