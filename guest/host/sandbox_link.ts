import type { TaskDefinition } from "../../lib/proto/gen/containerd/task/v3/task.ts";
import type { TypedClient } from "../../lib/ttrpc/mod.ts";

/** The Task service of whatever runs a sandbox's containers. */
export type GuestTask = TypedClient<typeof TaskDefinition>;

/** The way to a sandbox's containers. It is over for good when the sandbox is. */
export interface SandboxLink {
  readonly sandboxId: string;
  /** The process on the host that is the sandbox; 0 where it needs none. */
  readonly pid: number;
  /** True where the processes are the host's: their pids mean something here, and containerd's FIFOs are theirs. */
  readonly local: boolean;
  /** True where the sandbox itself joins its terminals with containerd's FIFOs. */
  readonly ownTerminals?: boolean;
  /** Resolves when the sandbox has ended. */
  readonly died: Promise<void>;
  readonly dead: boolean;
  /** True while a call is not answered that should be: whoever can do without an answer does not wait for one. */
  readonly silent?: boolean;
  /** Calls the Task service; again after a lost connection unless `repeat` is false. @throws KuasarError */
  task<T>(work: (task: GuestTask) => Promise<T>, repeat?: boolean): Promise<T>;
  /** Opens one stdio stream; where `local`, only that of a terminal. @returns its connection, owned by the caller. @throws KuasarError NOT_FOUND */
  openStream(container: string, exec: string, name: string): Promise<number>;
  /** Where the sandbox has copies of the host's files: what a container has written to one. @throws KuasarError */
  readFile?(container: string, volume: number): Promise<Uint8Array>;
  close(): void;
}
