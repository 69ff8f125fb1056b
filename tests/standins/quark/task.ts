import { KuasarError } from "../../../lib/errors/mod.ts";
import { Status, TaskDefinition } from "../../../lib/proto/gen/containerd/task/v3/task.ts";
import type { Handlers, TtrpcServer } from "../../../lib/ttrpc/mod.ts";
import * as sys from "../../../guest/native/sys.js";
import { ContainerProcess } from "./container_process.ts";

/** What the real service says of every process. */
const PID = 123;

interface StandInContainer {
  init: ContainerProcess;
  execs: Map<string, { process: ContainerProcess; spec: string }>;
}

function refuse(what: string): never {
  throw new KuasarError("UNIMPLEMENTED", `${what} is not supported`);
}

/** `containerd.task.v2.Task` as it is documented for Quark, with what is odd about it. */
export class StandInTask {
  readonly #containers = new Map<string, StandInContainer>();
  readonly #end: () => void;

  constructor(end: () => void) {
    this.#end = end;
  }

  /** Under the name of version 2 alone. */
  register(server: TtrpcServer): void {
    server.add({ ...TaskDefinition, fullName: "containerd.task.v2.Task" }, this.#handlers());
  }

  #container(id: string): StandInContainer {
    const container = this.#containers.get(id);
    if (!container) throw new KuasarError("NOT_FOUND", `container ${id} not found`);
    return container;
  }

  #process(id: string, execId: string): ContainerProcess {
    const container = this.#container(id);
    if (execId === "") return container.init;
    const exec = container.execs.get(execId);
    if (!exec) throw new KuasarError("NOT_FOUND", `process ${execId} not found`);
    return exec.process;
  }

  #handlers(): Handlers<typeof TaskDefinition> {
    return {
      // The bundle of the request is not looked at: it is `/<id>`.
      create: (request) => {
        const { id } = request;
        if (this.#containers.has(id)) throw new KuasarError("ALREADY_EXISTS", `container ${id} exists`);
        if (request.rootfs.length > 0) {
          throw new KuasarError("INVALID_ARGUMENT", "rootfs is mounted by the caller");
        }
        for (const path of [`/${id}/config.json`, `/${id}/rootfs`]) {
          if (!sys.exists(path)) throw new KuasarError("NOT_FOUND", `${path} is not in the sandbox`);
        }
        this.#containers.set(id, { init: new ContainerProcess(request), execs: new Map() });
        return { pid: PID };
      },
      start: async ({ id, execId }) => {
        const process = this.#process(id, execId);
        const { init, execs } = this.#container(id);
        const stage = execId === ""
          ? ["standin-enter", id]
          : ["standin-exec", String(init.pid), id, execs.get(execId)!.spec];
        await process.start(stage);
        return { pid: PID };
      },
      state: ({ id, execId }) => {
        const { exit, pid, stdio } = this.#process(id, execId);
        return {
          id,
          execId,
          bundle: `/${id}`,
          pid: PID,
          status: exit ? Status.STOPPED : pid > 0 ? Status.RUNNING : Status.CREATED,
          stdin: stdio.stdin,
          stdout: stdio.stdout,
          stderr: stdio.stderr,
          terminal: stdio.terminal,
          exitStatus: exit?.status ?? 0,
          exitedAt: timestamp(exit?.atNs),
        };
      },
      delete: ({ id, execId }) => {
        const process = this.#process(id, execId);
        if (process.pid > 0 && !process.exit) {
          throw new KuasarError("FAILED_PRECONDITION", `${id} is running`);
        }
        if (execId === "") this.#containers.delete(id);
        else this.#container(id).execs.delete(execId);
        return { pid: PID, exitStatus: process.exit?.status ?? 0, exitedAt: timestamp(process.exit?.atNs) };
      },
      kill: ({ id, execId, signal }) => {
        const process = this.#process(id, execId);
        if (process.exit) throw new KuasarError("NOT_FOUND", "process already finished");
        if (process.pid === 0) process.ended(128 + signal);
        else sys.kill(process.pid, signal);
        return {};
      },
      exec: (request) => {
        const { execs } = this.#container(request.id);
        if (execs.has(request.execId)) {
          throw new KuasarError("ALREADY_EXISTS", `process ${request.execId} exists`);
        }
        if (!request.spec) throw new KuasarError("INVALID_ARGUMENT", "no process");
        const process = new ContainerProcess(request);
        execs.set(request.execId, { process, spec: sys.utf8Decode(request.spec.value) });
        return {};
      },
      wait: async ({ id, execId }) => {
        const { status, atNs } = await this.#process(id, execId).exited;
        return { exitStatus: status, exitedAt: timestamp(atNs) };
      },
      pids: ({ id }) => ({ processes: [{ pid: this.#container(id).init.pid, info: undefined }] }),
      resizePty: ({ id, execId, width, height }) => {
        this.#process(id, execId).resize(height, width);
        return {};
      },
      // Does nothing.
      closeIO: () => ({}),
      // Takes JSON and leaves it at that.
      update: ({ id, resources }) => {
        this.#container(id);
        JSON.parse(sys.utf8Decode(resources?.value ?? new Uint8Array()));
        return {};
      },
      stats: ({ id }) => {
        this.#container(id);
        return { stats: undefined };
      },
      connect: () => ({ shimPid: sys.getpid(), taskPid: PID, version: "" }),
      shutdown: () => {
        if (this.#containers.size === 0) this.#end();
        return {};
      },
      pause: () => refuse("pause"),
      resume: () => refuse("resume"),
      checkpoint: () => refuse("checkpoint"),
    };
  }
}

function timestamp(ns: bigint | undefined) {
  return ns === undefined ? undefined : { seconds: ns / 1_000_000_000n, nanos: Number(ns % 1_000_000_000n) };
}
