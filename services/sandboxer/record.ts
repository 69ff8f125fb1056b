import type { SandboxState } from "./state.ts";

/** A finished step with its times in ms since the epoch. */
export interface PhaseRecord {
  /** Nested by slashes: `start/driver/boot`. */
  name: string;
  beginMs: number;
  endMs: number;
}

/** Where a guest is reached; one of the first two. */
export interface GuestRecord {
  hybridPath?: string;
  cid?: number;
  /** What each connection to it begins with; absent where none needs one. */
  secret?: string;
}

/** How and when a sandbox ended. */
export interface ExitRecord {
  status: number;
  atMs: number;
}

/** All that is stored of a sandbox. */
export interface SandboxRecord {
  id: string;
  state: SandboxState;
  /** Name of the driver, `qemu`. Chosen at Create and never changed. */
  driver: string;
  /** Name of containerd's runtime handler, empty where it was not told. */
  runtimeHandler: string;
  name: string;
  namespace: string;
  uid: string;
  hostname: string;
  /** Empty for a pod on the host's network. */
  netnsPath: string;
  /** `runtime.v1.PodSandboxConfig` as it came, in base64. */
  podConfig: string;
  labels: Record<string, string>;
  /** 0 takes the driver's default. */
  vcpus: number;
  memoryMib: number;
  sharePid: boolean;
  createdAtMs: number;
  /** Of the VMM or the runtime; 0 before the start. */
  pid: number;
  guest?: GuestRecord;
  /** True where its containers run on the host's kernel: the driver prepares them. Absent until it has started. */
  onHost?: boolean;
  /** True where it is so and a kernel of the sandbox's own runs them, in processes of the host. */
  ownKernel?: boolean;
  /** What its processes have been given (proc_pid_oom_score_adj(5)); absent until it has started. */
  oomScoreAdj?: number;
  /** Made for the task of the same id, which names no sandbox; it goes with that task. */
  standalone?: boolean;
  /** containerd's bundle of that task. */
  bundle?: string;
  /** Hooks of that task's have begun to run here: those of its end have to follow. */
  hooked?: boolean;
  /** `netnsPath` is one of our own, made for this sandbox. */
  ownNetns?: boolean;
  /** Where containerd's CRI plugin wants to find the pod's files; only where the sandbox is a shim's to it. */
  criDir?: string;
  /** Path of its cgroup below each hierarchy; absent where it has none. */
  cgroup?: string;
  exit?: ExitRecord;
  /** Why it is not ready: empty after a plain Stop. */
  reason: string;
  /** Raw lines that explain `reason`. */
  evidence: string[];
  phases: PhaseRecord[];
  /** False as long as network, storage or driver may hold something of it. */
  cleaned: boolean;
  /** What the last cleanup could not do. */
  leftovers: string[];
}

/** A disk that was plugged in for a container. */
export interface DeviceRecord {
  hostPath: string;
  serial: string;
  readOnly: boolean;
}

/** All that is stored of a container: what must be taken away with it. */
export interface ContainerRecord {
  sandboxId: string;
  containerId: string;
  /** Stored before they are plugged in. */
  devices: DeviceRecord[];
  /** What its spec asks for; absent where that cannot be read. */
  oomScoreAdj?: number | undefined;
}
