import type { ProcessRef } from "../../../lib/process/mod.ts";
import type { SandboxExit } from "../sandbox_exit.ts";

/** What is kept of a sandbox across the driver's death: intent before effect. */
export interface SandboxRecord {
  id: string;
  state: "STARTING" | "RUNNING" | "STOPPED";
  /** Empty on the host's network. */
  netnsPath: string;
  hostname: string;
  /** True where it has an ipc namespace of its own. */
  ownIpc: boolean;
  /** True where its containers share a PID namespace. */
  sharePid: boolean;
  /** True where they are in the host's, instead. */
  hostPid?: boolean;
  /** Its cgroup below each hierarchy's root; empty where it has none. */
  cgroup: string;
  /** Folders above it which only its containers' runtime makes. */
  madeCgroups: string[];
  /** The process that is the sandbox, where it has a kernel of its own. */
  process?: ProcessRef;
  /** First process of the shared PID namespace. */
  pause?: ProcessRef;
  exit?: SandboxExit;
}
