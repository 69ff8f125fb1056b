import {
  Capability,
  ContainerConfig,
  ContainerMetadata,
  ImageSpec,
  LinuxContainerConfig,
  LinuxContainerSecurityContext,
  MountPropagation,
} from "../proto/gen/runtime/v1/cri.ts";
import {
  DNSConfig,
  LinuxContainerResources,
  LinuxPodSandboxConfig,
  LinuxSandboxSecurityContext,
  NamespaceMode,
  NamespaceOption,
  PodSandboxConfig,
  PodSandboxMetadata,
} from "../proto/gen/runtime/v1/pod_sandbox_config.ts";
import { message } from "./message.ts";

/** What a test or the demo wants of a pod; everything else is as a kubelet would set it. */
export interface PodOptions {
  name: string;
  namespace?: string;
  uid?: string;
  hostname?: string;
  /** Must exist; containerd writes the containers' logs there. */
  logDirectory?: string;
  hostNetwork?: boolean;
  /** True where the containers share one PID namespace. */
  sharePid?: boolean;
  /** True where they are in the host's. */
  hostPid?: boolean;
  hostIpc?: boolean;
  /** True where a container of it may be privileged. */
  privileged?: boolean;
  dnsServers?: readonly string[];
  dnsSearches?: readonly string[];
  sysctls?: Readonly<Record<string, string>>;
  annotations?: Readonly<Record<string, string>>;
  cgroupParent?: string;
  /** What a kubelet sums up for the pod. */
  resources?: ResourceOptions;
}

/** Resources of a container or of a pod. */
export interface ResourceOptions {
  memoryLimitBytes?: number;
  cpuQuotaUs?: number;
  cpuShares?: number;
  /** A kubelet tells it by a pod's class of service. */
  oomScoreAdj?: number;
}

/** Builds the pod configuration of RunPodSandbox. */
export function podConfig(options: PodOptions): PodSandboxConfig {
  return message(PodSandboxConfig, {
    metadata: message(PodSandboxMetadata, {
      name: options.name,
      namespace: options.namespace ?? "default",
      uid: options.uid ?? crypto.randomUUID(),
    }),
    // The kubelet sets none for a pod on the host's network.
    hostname: options.hostNetwork ? "" : options.hostname ?? options.name,
    logDirectory: options.logDirectory ?? "",
    dnsConfig: message(DNSConfig, {
      servers: [...options.dnsServers ?? []],
      searches: [...options.dnsSearches ?? []],
    }),
    annotations: { ...options.annotations },
    linux: message(LinuxPodSandboxConfig, {
      cgroupParent: options.cgroupParent ?? "",
      sysctls: { ...options.sysctls },
      resources: containerResources(options.resources ?? {}),
      securityContext: message(LinuxSandboxSecurityContext, {
        namespaceOptions: namespaces(options),
        privileged: options.privileged ?? false,
      }),
    }),
  });
}

/** A file or directory of the host in a container. */
export interface VolumeMount {
  containerPath: string;
  hostPath: string;
  readonly?: boolean;
  /** What the host mounts below it later is seen in the container. */
  hostToContainer?: boolean;
}

/** What a test or the demo wants of a container. */
export interface ContainerOptions extends ResourceOptions {
  name: string;
  image: string;
  command?: readonly string[];
  args?: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** Relative to the pod's log directory; `<name>.log` where the pod has one. */
  logPath?: string;
  stdin?: boolean;
  stdinOnce?: boolean;
  tty?: boolean;
  mounts?: readonly VolumeMount[];
  privileged?: boolean;
  readonlyRootfs?: boolean;
  workingDir?: string;
  runAsUser?: number;
  /** Goes with a user. */
  runAsGroup?: number;
  /** As the image's /etc/passwd has it; instead of `runAsUser`. */
  runAsUsername?: string;
  supplementalGroups?: readonly number[];
  noNewPrivileges?: boolean;
  /** Without their prefix: `SYS_PTRACE`. */
  addCapabilities?: readonly string[];
  dropCapabilities?: readonly string[];
  /** What of /proc and /sys is hidden, and what cannot be written; a kubelet names some. */
  maskedPaths?: readonly string[];
  readonlyPaths?: readonly string[];
  /** The container whose PID namespace it joins, as `kubectl debug --target` asks for. */
  pidOf?: string;
}

/** Builds the container configuration of CreateContainer for a container of the pod `pod`. */
export function containerConfig(pod: PodSandboxConfig, options: ContainerOptions): ContainerConfig {
  return message(ContainerConfig, {
    metadata: message(ContainerMetadata, { name: options.name }),
    image: message(ImageSpec, { image: options.image }),
    command: [...options.command ?? []],
    args: [...options.args ?? []],
    workingDir: options.workingDir ?? "",
    envs: Object.entries(options.env ?? {}).map(([key, value]) => ({ key, value })),
    logPath: options.logPath ?? (pod.logDirectory ? `${options.name}.log` : ""),
    stdin: options.stdin ?? false,
    stdinOnce: options.stdinOnce ?? false,
    tty: options.tty ?? false,
    mounts: (options.mounts ?? []).map((m) => ({
      containerPath: m.containerPath,
      hostPath: m.hostPath,
      readonly: m.readonly ?? false,
      selinuxRelabel: false,
      propagation: m.hostToContainer
        ? MountPropagation.PROPAGATION_HOST_TO_CONTAINER
        : MountPropagation.PROPAGATION_PRIVATE,
    })),
    linux: message(LinuxContainerConfig, {
      resources: containerResources(options),
      securityContext: securityContext(pod, options),
    }),
  });
}

function securityContext(pod: PodSandboxConfig, options: ContainerOptions): LinuxContainerSecurityContext {
  const ofPod = pod.linux?.securityContext?.namespaceOptions;
  const namespaceOptions = options.pidOf === undefined
    ? ofPod
    : message(NamespaceOption, { ...ofPod, pid: NamespaceMode.TARGET, targetId: options.pidOf });
  const { addCapabilities, dropCapabilities } = options;
  const changesCapabilities = addCapabilities !== undefined || dropCapabilities !== undefined;
  return message(LinuxContainerSecurityContext, {
    privileged: options.privileged ?? false,
    readonlyRootfs: options.readonlyRootfs ?? false,
    noNewPrivs: options.noNewPrivileges ?? false,
    runAsUsername: options.runAsUsername ?? "",
    maskedPaths: [...options.maskedPaths ?? []],
    readonlyPaths: [...options.readonlyPaths ?? []],
    supplementalGroups: (options.supplementalGroups ?? []).map(BigInt),
    ...(options.runAsUser === undefined ? {} : { runAsUser: { value: BigInt(options.runAsUser) } }),
    ...(options.runAsGroup === undefined ? {} : { runAsGroup: { value: BigInt(options.runAsGroup) } }),
    ...(changesCapabilities && {
      capabilities: message(Capability, {
        addCapabilities: [...addCapabilities ?? []],
        dropCapabilities: [...dropCapabilities ?? []],
      }),
    }),
    ...(namespaceOptions === undefined ? {} : { namespaceOptions }),
  });
}

/** Builds the resources of a container; what is not given stays unlimited. */
export function containerResources(options: ResourceOptions): LinuxContainerResources {
  return message(LinuxContainerResources, {
    cpuPeriod: options.cpuQuotaUs === undefined ? 0n : 100_000n,
    cpuQuota: BigInt(options.cpuQuotaUs ?? 0),
    cpuShares: BigInt(options.cpuShares ?? 0),
    memoryLimitInBytes: BigInt(options.memoryLimitBytes ?? 0),
    oomScoreAdj: BigInt(options.oomScoreAdj ?? 0),
  });
}

function namespaces(options: PodOptions): NamespaceOption {
  const pid = options.sharePid ? NamespaceMode.POD : NamespaceMode.CONTAINER;
  return message(NamespaceOption, {
    network: options.hostNetwork ? NamespaceMode.NODE : NamespaceMode.POD,
    pid: options.hostPid ? NamespaceMode.NODE : pid,
    ipc: options.hostIpc ? NamespaceMode.NODE : NamespaceMode.POD,
  });
}
