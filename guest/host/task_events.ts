import {
  TaskCheckpointed,
  TaskCreate,
  TaskDelete,
  TaskExecAdded,
  TaskExecStarted,
  TaskExit,
  TaskPaused,
  TaskResumed,
  TaskStart,
} from "../../lib/proto/gen/containerd/events/events.ts";
import type { CreateTaskRequest } from "../../lib/proto/gen/containerd/task/v3/task.ts";
import type { MessageType } from "../../lib/ttrpc/mod.ts";
import type { EventPublisher } from "./events.ts";
import type { Exit } from "./process.ts";
import type { ContainerRecord } from "./record.ts";
import type { StdioPaths } from "./stdio.ts";

/** What containerd is told of a container's life, as its own shims do. */
export class TaskEvents {
  readonly #publisher: EventPublisher;

  constructor(publisher: EventPublisher) {
    this.#publisher = publisher;
  }

  /** It is made. @param io as containerd has named it */
  created(
    record: ContainerRecord,
    { rootfs, checkpoint }: CreateTaskRequest,
    io: StdioPaths,
    pid: number,
  ): void {
    const { id, bundle } = record;
    const event = { containerId: id, bundle, rootfs, io, checkpoint, pid };
    this.#publish(record, "/tasks/create", "TaskCreate", TaskCreate, event);
  }

  /** Its init, or an exec, is started. */
  started(record: ContainerRecord, execId: string, pid: number): void {
    const containerId = record.id;
    if (execId === "") {
      this.#publish(record, "/tasks/start", "TaskStart", TaskStart, { containerId, pid });
    } else {
      const event = { containerId, execId, pid };
      this.#publish(record, "/tasks/exec-started", "TaskExecStarted", TaskExecStarted, event);
    }
  }

  /** An exec is there to be started. */
  execAdded(record: ContainerRecord, execId: string): void {
    const event = { containerId: record.id, execId };
    this.#publish(record, "/tasks/exec-added", "TaskExecAdded", TaskExecAdded, event);
  }

  /** It stands still, or goes on. */
  frozen(record: ContainerRecord, frozen: boolean): void {
    const event = { containerId: record.id };
    if (frozen) this.#publish(record, "/tasks/paused", "TaskPaused", TaskPaused, event);
    else this.#publish(record, "/tasks/resumed", "TaskResumed", TaskResumed, event);
  }

  /** Its checkpoint is written. */
  checkpointed(record: ContainerRecord, path: string): void {
    const event = { containerId: record.id, checkpoint: path };
    this.#publish(record, "/tasks/checkpointed", "TaskCheckpointed", TaskCheckpointed, event);
  }

  /** Its init, or an exec, has ended. */
  exited(record: ContainerRecord, execId: string, { status, at }: Exit, pid: number): void {
    const event = {
      containerId: record.id,
      id: execId || record.id,
      pid,
      exitStatus: status,
      exitedAt: at,
    };
    this.#publish(record, "/tasks/exit", "TaskExit", TaskExit, event);
  }

  /** It is gone. */
  deleted(record: ContainerRecord, { status, at }: Exit, pid: number): void {
    const { id } = record;
    const event = { containerId: id, pid, exitStatus: status, exitedAt: at, id };
    this.#publish(record, "/tasks/delete", "TaskDelete", TaskDelete, event);
  }

  #publish<T>(
    { namespace }: ContainerRecord,
    topic: string,
    name: string,
    type: MessageType<T>,
    event: T,
  ): void {
    this.#publisher.publish(namespace, topic, {
      typeUrl: `containerd.events.${name}`,
      value: type.encode(event).finish() as Uint8Array<ArrayBuffer>,
    });
  }
}
