import type { ContainerdInstance } from "../containerd/mod.ts";
import type { ProcessSpec } from "./spec.ts";

/** Names of the Deno services, in the order in which they start. */
export const SERVICES = ["network", "storage", "driver-qemu", "sandboxer"] as const;
export type ServiceName = typeof SERVICES[number];

export interface SetOptions {
  /** The checkout. */
  root: string;
  runDir: string;
  /** Our agent under the name `kuasar-task`, by which it knows that it is the task server. */
  taskServer: string;
  virtiofsd: string;
  /** Configuration files of the services that have one. */
  configs?: Partial<Record<ServiceName, string>>;
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
const V8_FLAGS = "--max-semi-space-size=1";

const MAIN: Record<ServiceName, string> = {
  network: "services/network/main.ts",
  storage: "services/storage/main.ts",
  "driver-qemu": "drivers/qemu/main.ts",
  sandboxer: "services/sandboxer/main.ts",
};

/** The sockets of each service, below the run directory; their names are those of docs/architecture.md. */
export const SOCKETS: Record<ServiceName, readonly string[]> = {
  network: ["network"],
  storage: ["storage"],
  "driver-qemu": ["driver-qemu"],
  sandboxer: ["sandboxer", "prepare"],
};

/** The whole set in the order in which it starts. */
export function nodeSet(options: SetOptions): ProcessSpec[] {
  const { runDir } = options;
  const common = ["--run-dir", runDir, "--log-level", options.logLevel ?? "info"];
  const specs: ProcessSpec[] = SERVICES.map((name) => {
    const config = options.configs?.[name];
    const own = name === "storage" ? ["--virtiofsd", options.virtiofsd] : [];
    return {
      name,
      command: Deno.execPath(),
      args: [
        "run",
        "--allow-all",
        "--no-check",
        "--quiet",
        `--v8-flags=${V8_FLAGS}`,
        `${options.root}/${MAIN[name]}`,
        ...common,
        ...(config ? ["--config", config] : []),
        ...own,
      ],
      env: { MALLOC_ARENA_MAX: "1", DENO_NO_UPDATE_CHECK: "1", ...options.env },
      sockets: SOCKETS[name].map((socket) => ({ name: socket, path: `${runDir}/${socket}.sock` })),
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
