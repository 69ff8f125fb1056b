import type { TaskDefinition } from "../../lib/proto/gen/containerd/task/v3/task.ts";
import type { TypedClient } from "../../lib/ttrpc/mod.ts";
import type { HostProcess } from "./host_process.ts";

/** The Task service of whatever runs a sandbox's containers. */
export type GuestTask = TypedClient<typeof TaskDefinition>;

/** The way to a sandbox's containers. It is over for good when the sandbox is. */
export interface SandboxLink {
  readonly sandboxId: string;
  /** The process on the host that is the sandbox. */
  readonly vmm: HostProcess;
  /** Resolves when the sandbox has ended. */
  readonly died: Promise<void>;
  readonly dead: boolean;
  /** Calls the Task service; again after a lost connection unless `repeat` is false. @throws KuasarError */
  task<T>(work: (task: GuestTask) => Promise<T>, repeat?: boolean): Promise<T>;
  /** Opens one stdio stream. @returns its connection, owned by the caller. @throws KuasarError NOT_FOUND */
  openStream(container: string, exec: string, name: string): Promise<number>;
  close(): void;
}
