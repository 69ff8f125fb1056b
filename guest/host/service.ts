import { asKuasarError, KuasarError } from "../../lib/errors/mod.ts";
import { checkId } from "../../lib/oci/mod.ts";
import {
  type CheckpointTaskRequest,
  type ExecProcessRequest,
  type KillRequest,
  Status,
  TaskDefinition,
} from "../../lib/proto/gen/containerd/task/v3/task.ts";
import { HostRuntime_Kind } from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import type { Handlers, TtrpcServer } from "../../lib/ttrpc/mod.ts";
import * as sys from "../native/sys.js";
import { passGracePeriod } from "../task/grace_period.ts";
import { UnansweredError } from "./answer_times.ts";
import { connectStdio } from "./connect_stdio.ts";
import type { HostContainer } from "./container.ts";
import { ContainerCreation } from "./create.ts";
import { endSilentSandbox, endUnlessGone } from "./end_silent_sandbox.ts";
import { execSpec } from "./exec_spec.ts";
import { hasEnded } from "./has_ended.ts";
import type { HostDeps } from "./host_deps.ts";
import { type Exit, now } from "./process.ts";
import { noteBegun, noteProcess } from "./process_notes.ts";
import { returnFiles } from "./returned_files.ts";
import { namedPaths } from "./stdio.ts";
import { streamsFor } from "./stdio_request.ts";

/** containerd's Task API for every container of the node. */
export class HostTaskService {
  readonly #deps: HostDeps;
  readonly #creation: ContainerCreation;

  constructor(deps: HostDeps) {
    this.#deps = deps;
    this.#creation = new ContainerCreation(deps);
  }

  /** Registers the service under both of its versions, which share their messages. */
  register(server: TtrpcServer): void {
    server.add(TaskDefinition, this.#handlers(), { fullName: "containerd.task.v2.Task" });
  }

  #handlers(): Handlers<typeof TaskDefinition> {
    const { registry, records, streams } = this.#deps;
    return {
      create: (request, context) => this.#creation.create(request, context),
      start: ({ id, execId }) => this.#start(registry.get(id), execId),
      state: ({ id, execId }) => {
        const container = registry.get(id);
        const { status, exit, paths } = container.process(execId);
        return {
          id,
          execId,
          bundle: container.record.bundle,
          pid: container.pidOf(execId),
          status,
          ...streams.stdioOf(namedPaths(paths)),
          exitStatus: exit?.status ?? 0,
          exitedAt: exit?.at,
        };
      },
      delete: ({ id, execId }) => this.#delete(id, execId),
      pids: ({ id }) => this.#pids(id),
      pause: ({ id }) => this.#freeze(id, true),
      resume: ({ id }) => this.#freeze(id, false),
      kill: (request) => this.#kill(request),
      exec: (request) => this.#exec(request),
      resizePty: (request) => {
        const container = registry.get(request.id);
        container.process(request.execId).mustLive("resize");
        return container.guest((task) => task.resizePty(request));
      },
      closeIO: async ({ id, execId, stdin }) => {
        if (!stdin) return {};
        const container = registry.get(id);
        await container.closeStdin(execId);
        noteProcess(records, container.record, execId, { stdinClosed: true });
        return {};
      },
      update: (request) => registry.get(request.id).guest((task) => task.update(request)),
      wait: async ({ id, execId }) => {
        const { status, at } = await registry.get(id).process(execId).wait();
        return { exitStatus: status, exitedAt: at };
      },
      stats: ({ id }) => registry.get(id).stats(),
      checkpoint: (request) => this.#checkpoint(request),
      // As containerd's own shim, this answers for tasks that are still to come: 1.7 asks before it creates one in a sandbox.
      connect: ({ id }) => ({
        shimPid: sys.getpid(),
        taskPid: registry.has(id) ? registry.get(id).pid : 0,
        version: "3",
      }),
      // The server is the node's; it does not end with a container.
      shutdown: () => ({}),
    };
  }

  async #start(container: HostContainer, execId: string): Promise<{ pid: number }> {
    const { events, records, loggers, streams, room } = this.#deps;
    const { id } = container.record;
    const process = container.process(execId);
    process.mustLive(`start ${id} ${execId}`.trim());
    try {
      const call = () => container.guest((task) => task.start({ id, execId }), false);
      const answer = await (container.link.local && execId !== "" ? room.lend(call) : call());
      if (container.link.local && container.process(execId).pid === 0) {
        noteBegun(container, execId, answer.pid);
        if (execId === "") await connectStdio(this.#deps, container, "");
      }
    } catch (error) {
      // Nothing will ever come: containerd waits for the end of the streams.
      process.stdio.close();
      streams.release(process.paths);
      if (execId !== "") process.ended({ status: 255, at: now() });
      throw error;
    }
    loggers.started(id, execId);
    if (process.status === Status.CREATED) process.status = Status.RUNNING;
    noteProcess(records, container.record, execId, { started: true });
    const pid = container.pidOf(execId);
    if (execId !== "") await connectStdio(this.#deps, container, execId);
    events.started(container.record, execId, pid);
    return { pid };
  }

  async #exec(request: ExecProcessRequest): Promise<Record<never, never>> {
    const { registry, records, events, loggers, streams } = this.#deps;
    const container = registry.get(request.id);
    const { record } = container;
    const execId = checkId(request.execId, "exec id");
    container.init.mustLive(`exec in ${request.id}`);
    const refusal = record.runtime?.execRefusal;
    if (refusal) {
      throw new KuasarError("UNIMPLEMENTED", `Cannot exec in ${request.id}: ${refusal}`);
    }
    const spec = execSpec(request.spec, record.runtime);
    // Its start is the next that comes.
    if (record.runtime) passGracePeriod();
    container.mustNotHave(execId);
    const paths = await loggers.open(streams.pathsOf(request), request.id, execId, record.namespace);
    container.addExec(execId, paths);
    record.execs[execId] = paths;
    // On the host there is nothing to be found again before the start, which is written down.
    if (record.runtime?.kind === HostRuntime_Kind.RUNC) records.saveSoon(record);
    else records.note(record);
    try {
      await container.guest(
        (task) => task.exec({ ...request, spec, ...streamsFor(container.link, paths) }),
        false,
      );
    } catch (error) {
      await loggers.close(paths, request.id, execId);
      this.#forgetExec(container, execId);
      throw error;
    }
    void container.watchExit(execId);
    events.execAdded(record, execId);
    return {};
  }

  async #kill(request: KillRequest): Promise<Record<never, never>> {
    const container = this.#deps.registry.get(request.id);
    const process = container.process(request.execId);
    process.mustLive(`kill ${request.id} ${request.execId}`.trim());
    try {
      await container.guest((task) => task.kill(request));
    } catch (error) {
      if (error instanceof UnansweredError && request.signal === sys.SIG.KILL) {
        // Its processes end with it, which is what was asked for.
        await endSilentSandbox(this.#deps.preparer, container.link, error);
        return {};
      }
      if (await hasEnded(container.link, error)) {
        throw new KuasarError("NOT_FOUND", `Cannot kill ${request.id}: its machine has ended`, {
          cause: error,
        });
      }
      throw error;
    }
    // A process of the host that cannot be killed is not ended by the end of its sandbox.
    const ownKernel = container.record.runtime?.kind !== HostRuntime_Kind.RUNC;
    if (ownKernel && request.signal === sys.SIG.KILL && request.execId === "") {
      void endUnlessGone(this.#deps.preparer, container);
    }
    return {};
  }

  async #pids(id: string) {
    const container = this.#deps.registry.get(id);
    const answer = container.link.local ? await container.guest((task) => task.pids({ id })) : undefined;
    if (answer && answer.processes.length > 0) return answer;
    // containerd takes a container without processes for a leak, so there is always one.
    return { processes: [{ pid: container.pid, info: undefined }] };
  }

  async #freeze(id: string, frozen: boolean): Promise<Record<never, never>> {
    const container = this.#deps.registry.get(id);
    await container.guest((task) => (frozen ? task.pause({ id }) : task.resume({ id })));
    container.init.status = frozen ? Status.PAUSED : Status.RUNNING;
    this.#deps.events.frozen(container.record, frozen);
    return {};
  }

  async #checkpoint(request: CheckpointTaskRequest): Promise<Record<never, never>> {
    const { id, path } = request;
    const container = this.#deps.registry.get(id);
    container.init.mustLive(`checkpoint ${id}`);
    await container.guest((task) => task.checkpoint(request), false);
    this.#deps.events.checkpointed(container.record, path);
    return {};
  }

  async #delete(id: string, execId: string) {
    const { registry, records, releases, events, loggers, streams } = this.#deps;
    const container = registry.get(id);
    const process = container.process(execId);
    if (process.status === Status.RUNNING || process.status === Status.PAUSED) {
      throw new KuasarError(
        "FAILED_PRECONDITION",
        `Cannot delete ${id} ${execId}: it has not ended`.replace("  ", " "),
      );
    }
    if (execId === "") await returnFiles(container);
    try {
      await container.guest((task) => task.delete({ id, execId }));
    } catch (error) {
      const own = asKuasarError(error);
      if (own instanceof UnansweredError) await endSilentSandbox(this.#deps.preparer, container.link, own);
      else if (own.code !== "NOT_FOUND" && !container.link.dead) throw own;
    }
    process.stdio.close();
    const exit: Exit = process.exit ?? { status: 0, at: now() };
    process.ended(exit);
    const { record } = container;
    const pid = container.pidOf(execId);
    await loggers.close(process.paths, id, execId);
    if (execId !== "") {
      this.#forgetExec(container, execId);
    } else {
      container.closeStdio();
      for (const { paths } of [process, ...container.execs.values()]) streams.release(paths);
      registry.remove(id);
      record.phase = "releasing";
      records.note(record);
      await releases.releaseDeleted(record);
      events.deleted(record, exit, pid);
    }
    return { pid, exitStatus: exit.status, exitedAt: exit.at };
  }

  #forgetExec(container: HostContainer, execId: string): void {
    const exec = container.execs.get(execId);
    exec?.stdio.close();
    if (exec) this.#deps.streams.release(exec.paths);
    container.execs.delete(execId);
    delete container.record.execs[execId];
    delete container.record.processes?.[execId];
    this.#deps.records.saveSoon(container.record);
  }
}
