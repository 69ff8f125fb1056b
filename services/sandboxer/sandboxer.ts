import { hierarchies, type Hierarchy } from "../../lib/cgroups/mod.ts";
import { KuasarError } from "../../lib/errors/mod.ts";
import { type GrpcServer, serveGrpc } from "../../lib/grpc/mod.ts";
import { logger } from "../../lib/log/mod.ts";
import { SandboxDefinition } from "../../lib/proto/gen/containerd/runtime/sandbox/v1/sandbox.ts";
import { ControllerDefinition } from "../../lib/proto/gen/containerd/services/sandbox/v1/sandbox.ts";
import { AdminDefinition } from "../../lib/proto/gen/kuasar/admin/v1/admin.ts";
import { PrepareDefinition } from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import { type Listener, listenUnix } from "../../lib/transport/mod.ts";
import { TtrpcServer } from "../../lib/ttrpc/mod.ts";
import { adminHandlers } from "./admin.ts";
import { keepClocks } from "./clock_sync.ts";
import { watchGuests } from "./watchdog.ts";
import type { SandboxerConfig } from "./config.ts";
import type { Context } from "./context.ts";
import { finishSandbox } from "./finish.ts";
import { Janitor, type Later } from "./janitor.ts";
import { KeyedLock } from "../../lib/concurrency/mod.ts";
import { type MetricsServer, serveMetrics } from "./metrics_server.ts";
import { NodeMetrics } from "./node_metrics.ts";
import { Peers } from "./peers.ts";
import { recoverSandboxes } from "./recover.ts";
import { Registry } from "./registry.ts";
import { controllerHandlers, prepareHandlers } from "./service.ts";
import { shimSandboxHandlers } from "./shim_sandbox.ts";
import { removeUnstarted } from "./unstarted.ts";

/** How a sandboxer is set up. */
export interface SandboxerOptions {
  runDir: string;
  config: SandboxerConfig;
  /** Where cgroups are made; the host's hierarchies unless given. */
  cgroupTrees?: readonly Hierarchy[];
  /** When what has failed is tried again; after a time unless given. */
  later?: Later;
}

/** The whole sandboxer: its state, its two sockets, its background work. */
export class Sandboxer {
  /** Resolves when what was found at the start is taken up. */
  readonly recovered: Promise<void>;
  readonly #context: Context;
  readonly #server: GrpcServer;
  readonly #prepare: { listener: Listener; server: TtrpcServer };
  readonly #stop: AbortController;
  readonly #stopClocks: () => Promise<void>;
  readonly #stopWatchdog: () => Promise<void>;
  readonly #stopRemoving: () => Promise<void>;
  readonly #http: MetricsServer | undefined;

  private constructor(
    context: Context,
    server: GrpcServer,
    prepare: { listener: Listener; server: TtrpcServer },
    stop: AbortController,
    http: MetricsServer | undefined,
    recovered: Promise<void>,
  ) {
    this.#http = http;
    this.#stop = stop;
    this.#context = context;
    this.#server = server;
    this.#prepare = prepare;
    this.recovered = recovered;
    this.#stopClocks = keepClocks(context);
    this.#stopWatchdog = watchGuests(context);
    this.#stopRemoving = removeUnstarted(context);
  }

  /** Loads the state, serves on both sockets and takes up what it finds. */
  static async start(options: SandboxerOptions): Promise<Sandboxer> {
    const { runDir, config, cgroupTrees = hierarchies(), later } = options;
    const log = logger("sandboxer");
    const stop = new AbortController();
    const context: Context = {
      config,
      runDir,
      log,
      peers: new Peers(runDir),
      registry: new Registry(`${runDir}/sandboxer/state.db`),
      metrics: new NodeMetrics(),
      locks: new KeyedLock(),
      cgroupTrees,
      janitor: new Janitor((sandbox) => finishSandbox(context, sandbox), later),
      stopping: stop.signal,
    };
    // Before anybody is served: a start that begins now is not one that was interrupted.
    const recovered = recoverSandboxes(context);
    const server = await serveGrpc({
      address: `${runDir}/sandboxer.sock`,
      fdName: "sandboxer",
      services: [
        [ControllerDefinition, controllerHandlers(context)],
        [AdminDefinition, adminHandlers(context)],
      ],
    });
    const ttrpc = new TtrpcServer({
      onProtocolError: (error) => log.debug("A task server broke the protocol", { error }),
      onHandlerError: (error, _, method) => log.debug("Call failed", { method, error }),
    });
    ttrpc.add(PrepareDefinition, prepareHandlers(context));
    ttrpc.add(SandboxDefinition, shimSandboxHandlers(context));
    const listener = await listenUnix(
      { path: `${runDir}/prepare.sock`, fdName: "prepare" },
      (stream) => void ttrpc.serve(stream),
    );
    const http = config.metrics.address === "" ? undefined : serveMetrics(context, config.metrics.address);
    return new Sandboxer(context, server, { listener, server: ttrpc }, stop, http, recovered);
  }

  /** Stops serving. Sandboxes go on; whoever starts next adopts them. */
  async close(graceMs = 1000): Promise<void> {
    const { registry, janitor, peers } = this.#context;
    for (const { watchAbort } of registry.all()) watchAbort?.abort();
    await Promise.all([
      this.#server.close(graceMs),
      this.#prepare.listener.close(),
      this.#stopClocks(),
      this.#stopWatchdog(),
      this.#stopRemoving(),
      this.#http?.close(),
    ]);
    this.#prepare.server.close();
    this.#stop.abort(new KuasarError("CANCELLED", "Cannot go on: the sandboxer is stopping"));
    await Promise.all([janitor.close(), this.recovered]);
    peers.close();
    registry.close();
  }
}
