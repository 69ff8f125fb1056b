import type { ContainerdInstance } from "../containerd/mod.ts";
import { greeted } from "./greeted.ts";
import type { ProcessSpec } from "./spec.ts";

/** The Deno services that every node has, in the order in which they start; the drivers come before the sandboxer. */
export const CORE_SERVICES = ["network", "storage", "sandboxer"] as const;

/** A driver that is part of a set. */
export interface DriverInSet {
  name: string;
  /** Folder below drivers/. */
  folder: string;
  /** True where its process is only started when the sandboxer first calls it. */
  onDemand?: boolean;
  /** Its configuration file. */
  config?: string;
}

/** What the set is started with. */
export interface SetOptions {
  /** The checkout. */
  root: string;
  runDir: string;
  agent: string;
  /** Our agent under the name `kuasar-task`, by which it knows that it is the task server. */
  taskServer: string;
  virtiofsd: string;
  mkfsErofs: string;
  drivers: readonly DriverInSet[];
  /** Configuration files of the core services that have one. */
  configs?: Readonly<Record<string, string>>;
  /** A private containerd that runs with the set. */
  containerd?: ContainerdInstance;
  /** The ttrpc socket of containerd, for events. */
  containerdTtrpc: string;
  logLevel?: string;
  /** Added to the environment of the services. */
  env?: Readonly<Record<string, string>>;
}

/**
 * V8 and malloc keep much memory for speed that a service with a few calls per pod does not need; this and
 * MALLOC_ARENA_MAX nearly halve what it holds after load.
 */
export const V8_FLAGS = "--max-semi-space-size=1";

/** The name of a driver's process: `driver-qemu`. */
export function driverService(name: string): string {
  return `driver-${name}`;
}

/** The sockets of a service, below the run directory; their names are those of docs/architecture.md. */
export function socketsOf(service: string): readonly string[] {
  return service === "sandboxer" ? ["sandboxer", "prepare"] : [service];
}

interface Service {
  name: string;
  main: string;
  config?: string | undefined;
  onDemand?: boolean | undefined;
  args?: readonly string[];
}

function services({ drivers, configs, virtiofsd, mkfsErofs }: SetOptions): Service[] {
  const core = (name: typeof CORE_SERVICES[number], args: readonly string[] = []): Service => ({
    name,
    main: `services/${name}/main.ts`,
    config: configs?.[name],
    args,
  });
  return [
    core("network"),
    core("storage", ["--virtiofsd", virtiofsd, "--mkfs-erofs", mkfsErofs]),
    ...drivers.map(({ name, folder, config, onDemand }) => ({
      name: driverService(name),
      main: `drivers/${folder}/main.ts`,
      config: configs?.[driverService(name)] ?? config,
      onDemand,
    })),
    core("sandboxer"),
  ];
}

/** The whole set in the order in which it starts. */
export function nodeSet(options: SetOptions): ProcessSpec[] {
  const { runDir } = options;
  const common = ["--run-dir", runDir, "--log-level", options.logLevel ?? "info"];
  const commandOf = ({ name, main, config, args }: Service) =>
    greeted(options.agent, name, [
      Deno.execPath(),
      "run",
      "--allow-all",
      "--no-check",
      "--quiet",
      `--v8-flags=${V8_FLAGS}`,
      `${options.root}/${main}`,
      ...common,
      ...(config ? ["--config", config] : []),
      ...args ?? [],
    ]);
  const specs: ProcessSpec[] = services(options).map((service) => {
    const [command = "", ...args] = commandOf(service);
    return {
      name: service.name,
      command,
      args,
      env: { MALLOC_ARENA_MAX: "1", DENO_NO_UPDATE_CHECK: "1", ...options.env },
      sockets: socketsOf(service.name).map((socket) => ({ name: socket, path: `${runDir}/${socket}.sock` })),
      ...(service.onDemand ? { onDemand: true } : {}),
      stopGraceMs: 10_000,
    };
  });
  specs.push({
    name: "kuasar-task",
    // The agent looks at the name that it is started under.
    command: options.taskServer,
    args: [...common, "--containerd-ttrpc", options.containerdTtrpc],
    env: { ...options.env },
    // Held by us, so that containerd's connections wait in line while the task server restarts.
    sockets: [{ name: "task", path: `${runDir}/task.sock` }],
    stopGraceMs: 5_000,
  });
  if (options.containerd) specs.push(containerdSpec(options.containerd));
  return specs;
}

/** A private containerd as a process of the set. */
export function containerdSpec(instance: ContainerdInstance): ProcessSpec {
  return {
    name: "containerd",
    command: instance.command,
    args: instance.args,
    env: instance.env,
    sockets: [],
    readySocket: instance.address,
    stopGraceMs: 10_000,
  };
}
