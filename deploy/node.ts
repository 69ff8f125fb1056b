import { root } from "../lib/build/mod.ts";
import { waitForCri } from "../lib/cri/mod.ts";
import { type ContainerdInstance, prepareContainerd } from "./containerd/mod.ts";
import { qemuConfig } from "./driver_config.ts";
import { type NodePrograms, nodePrograms } from "./programs.ts";
import { waitForServices } from "./services_ready.ts";
import { containerdSpec, nodeSet, type ServiceName, Supervisor } from "./supervisor/mod.ts";

/** How long containerd and our services may take until they answer. */
const READY_TIMEOUT_MS = 30_000;

export interface NodeOptions {
  runDir: string;
  onLine(name: string, line: string): void;
  programs?: NodePrograms;
  /** gRPC socket of a containerd that runs already; a private one is started unless given. */
  containerdAddress?: string;
  /** Where a private containerd keeps its images; below the run directory unless given. */
  containerdRoot?: string;
  /** False runs containerd alone, to compare with its own runc. */
  services?: boolean;
  /** Pause image of the handler `runc`, which exists only where this is given. */
  runcPauseImage?: string;
  /** Configuration files; the driver's is generated from the build folder unless given. */
  configs?: Partial<Record<ServiceName, string>>;
  /** Memory of a sandbox in the generated configuration. */
  memoryMib?: number;
  /** Kernel parameters of guests in the generated configuration. */
  kernelParams?: string;
  logLevel?: string;
}

/** The running processes of a node. */
export interface RunningNode {
  supervisor: Supervisor;
  /** gRPC socket of containerd. */
  address: string;
  /** Undefined where containerd is not ours. */
  containerd: ContainerdInstance | undefined;
  programs: NodePrograms;
}

/**
 * Starts our services and, unless there is one, a private containerd.
 *
 * @throws KuasarError NOT_FOUND where a program is missing
 */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const { runDir } = options;
  const programs = options.programs ?? nodePrograms();
  await Deno.mkdir(runDir, { recursive: true, mode: 0o700 });
  const containerd = options.containerdAddress !== undefined ? undefined : await prepareContainerd({
    runDir,
    programs,
    sandboxerSocket: `${runDir}/sandboxer.sock`,
    ...(options.containerdRoot === undefined ? {} : { rootDir: options.containerdRoot }),
    ...(options.runcPauseImage === undefined ? {} : { runcPauseImage: options.runcPauseImage }),
  });
  const address = options.containerdAddress ?? containerd!.address;
  const specs = options.services === false ? [containerdSpec(containerd!)] : nodeSet({
    root,
    runDir,
    taskServer: programs.taskServer,
    virtiofsd: programs.virtiofsd,
    containerdTtrpc: `${address}.ttrpc`,
    ...(containerd === undefined ? {} : { containerd }),
    configs: { "driver-qemu": await driverConfig(options, programs), ...options.configs },
    ...(options.logLevel === undefined ? {} : { logLevel: options.logLevel }),
  });
  const supervisor = await Supervisor.start({ runDir, specs, onLine: options.onLine });
  try {
    await waitForCri(address, READY_TIMEOUT_MS);
    if (options.services !== false) await waitForServices(runDir, READY_TIMEOUT_MS);
  } catch (error) {
    await supervisor.stop();
    throw error;
  }
  return { supervisor, address, containerd, programs };
}

/** Writes the generated configuration of the driver and returns its path. */
async function driverConfig(options: NodeOptions, programs: NodePrograms): Promise<string> {
  const path = `${options.runDir}/driver-qemu.toml`;
  const { memoryMib, kernelParams } = options;
  const text = qemuConfig({
    ...programs,
    ...(memoryMib === undefined ? {} : { memoryMib }),
    ...(kernelParams === undefined ? {} : { kernelParams }),
  });
  await Deno.writeTextFile(path, text);
  return path;
}
