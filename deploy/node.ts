import { buildDir, root } from "../lib/build/mod.ts";
import { waitForCri } from "../lib/cri/mod.ts";
import {
  type ContainerdInstance,
  type ContainerdRelease,
  type IoType,
  prepareContainerd,
} from "./containerd/mod.ts";
import { driverDeployment, DRIVERS } from "./drivers.ts";
import { type NodePrograms, nodePrograms } from "./programs.ts";
import { waitForServices } from "./services_ready.ts";
import {
  containerdSpec,
  type DriverInSet,
  driverService,
  nodeSet,
  type ProcessSpec,
  READY_TIMEOUT_MS,
  Supervisor,
} from "./supervisor/mod.ts";

/** Memory of a VM in generated configurations, in MiB. */
const MEMORY_MIB = 256;

/** What a node is started with. */
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
  /** What the private containerd is, which `programs` names; one with the Sandbox API unless given. */
  containerdRelease?: ContainerdRelease;
  /** Pause image of the handlers without the Sandbox API, which exist only where this is given. */
  pauseImage?: string;
  /** How a private containerd reaches the stdio of containers; by FIFOs unless given. */
  ioType?: IoType;
  /** Drivers that start with the node, by name; the default one unless given. */
  drivers?: readonly string[];
  /** Drivers that start when they are first called. */
  driversOnDemand?: readonly string[];
  /** Configuration files by service; a driver's is generated from the build folder unless given. */
  configs?: Readonly<Record<string, string>>;
  /** Memory of a sandbox in the generated configuration. */
  memoryMib?: number;
  /** Kernel parameters of guests in the generated configuration. */
  kernelParams?: string;
  /** How long a guest may take to boot in the generated configuration, in s. */
  bootTimeoutS?: number;
  logLevel?: string;
  /** Changes how a process of the set is started. */
  launch?(spec: ProcessSpec): ProcessSpec;
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
    ...(options.containerdRelease === undefined ? {} : { release: options.containerdRelease }),
    ...(options.pauseImage === undefined ? {} : { pauseImage: options.pauseImage }),
    ...(options.ioType === undefined ? {} : { ioType: options.ioType }),
  });
  const address = options.containerdAddress ?? containerd!.address;
  const specs = options.services === false ? [containerdSpec(containerd!)] : nodeSet({
    root,
    runDir,
    agent: programs.agent,
    taskServer: programs.taskServer,
    virtiofsd: programs.virtiofsd,
    mkfsErofs: programs.tools.mkfsErofs,
    containerdTtrpc: `${address}.ttrpc`,
    ...(containerd === undefined ? {} : { containerd }),
    drivers: await configuredDrivers(options, programs, address),
    ...(options.configs === undefined ? {} : { configs: options.configs }),
    ...(options.logLevel === undefined ? {} : { logLevel: options.logLevel }),
  });
  const launched = specs.map((spec) => options.launch?.(spec) ?? spec);
  const supervisor = await Supervisor.start({ runDir, specs: launched, onLine: options.onLine });
  try {
    await waitForCri(address, READY_TIMEOUT_MS, supervisor.failing);
    if (options.services !== false) {
      await waitForServices(runDir, startedDrivers(options), READY_TIMEOUT_MS, supervisor.failing);
    }
  } catch (error) {
    await supervisor.stop();
    throw error;
  }
  return { supervisor, address, containerd, programs };
}

function startedDrivers({ drivers }: NodeOptions): readonly string[] {
  return drivers ?? [DRIVERS[0]!.name];
}

/** Writes the generated configuration of each driver. */
function configuredDrivers(
  options: NodeOptions,
  programs: NodePrograms,
  containerdAddress: string,
): Promise<DriverInSet[]> {
  const { runDir, memoryMib, kernelParams, bootTimeoutS, driversOnDemand } = options;
  const one = async (name: string, onDemand: boolean): Promise<DriverInSet> => {
    const { folder, configuration } = driverDeployment(name);
    const config = `${runDir}/${driverService(name)}.toml`;
    const text = configuration({
      tools: { ...programs.tools },
      agent: programs.agent,
      kernel: programs.kernel,
      bzImage: programs.bzImage,
      initrd: programs.initrd,
      image: programs.image,
      memoryMib: memoryMib ?? MEMORY_MIB,
      containerdAddress,
      cacheDir: `${buildDir}/cache`,
      ...(kernelParams === undefined ? {} : { kernelParams }),
      ...(bootTimeoutS === undefined ? {} : { bootTimeoutS }),
    });
    await Deno.writeTextFile(config, text);
    return { name, folder, config, onDemand };
  };
  const started = startedDrivers(options);
  const later = (driversOnDemand ?? []).filter((name) => !started.includes(name));
  return Promise.all([
    ...started.map((name) => one(name, false)),
    ...later.map((name) => one(name, true)),
  ]);
}
