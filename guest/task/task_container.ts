import { KuasarError } from "../../lib/errors/mod.ts";
import type { Resources } from "../../lib/oci/mod.ts";
import type { CheckpointOptions } from "../../lib/proto/gen/containerd/runc/v1/options.ts";
import type { CreateTaskRequest } from "../../lib/proto/gen/containerd/task/v3/task.ts";
import type { Any } from "../../lib/proto/gen/google/protobuf/any.ts";
import type { TaskProcess } from "./process.ts";
import type { IoRequest } from "./stdio.ts";

/** One container as containerd's Task API sees it, whatever runs it. */
export interface TaskContainer {
  readonly bundle: string;
  readonly init: TaskProcess;
  /** Starts the init. */
  start(): Promise<void>;
  /** The init for an empty id, else the exec. @throws KuasarError NOT_FOUND */
  process(execId: string): TaskProcess;
  /** Makes an exec and its streams known; its process begins with {@link startExec}. @param spec OCI process as JSON */
  addExec(execId: string, spec: string, io: IoRequest): void;
  /** Starts an exec'ed process. */
  startExec(execId: string): Promise<void>;
  /** Forgets an exec that has ended or was never started. */
  deleteExec(execId: string): TaskProcess;
  /** Removes a container whose init has ended, or never started. */
  delete(): Promise<void>;
  /**
   * Sends a signal.
   *
   * @param all to every process of the container
   * @throws KuasarError NOT_FOUND when the process has ended: containerd takes that as done
   */
  kill(execId: string, signal: number, all: boolean): void | Promise<void>;
  /** Pauses the container, or lets it go on. */
  freeze(frozen: boolean): Promise<void>;
  /** Its processes, by the pids that they have where it runs. */
  pids(): number[] | Promise<number[]>;
  /** Its limits from now on. @throws KuasarError INVALID_ARGUMENT */
  update(resources: Resources): void;
  /** What it has used, as containerd decodes it. */
  metrics(): Any | Promise<Any>;
  /** Writes its processes into a directory. @throws KuasarError FAILED_PRECONDITION where they do not run */
  checkpoint(path: string, options: CheckpointOptions): Promise<void>;
}

/** The containers of a Task service. */
export interface TaskContainers {
  /** @throws KuasarError NOT_FOUND */
  get(id: string): TaskContainer;
  /** Makes a container. */
  create(id: string, request: CreateTaskRequest): Promise<TaskContainer>;
  /** Forgets one that is deleted. */
  remove(id: string): void;
}

/** What is answered for a container that is not there. */
export function noContainer(id: string): KuasarError {
  return new KuasarError("NOT_FOUND", `Cannot find container ${JSON.stringify(id.slice(0, 80))}`);
}
