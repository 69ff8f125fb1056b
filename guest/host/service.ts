import { asKuasarError, KuasarError } from "../../lib/errors/mod.ts";
import { checkId } from "../../lib/oci/mod.ts";
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
import {
  type CheckpointTaskRequest,
  type CreateTaskRequest,
  Status,
  TaskDefinition,
} from "../../lib/proto/gen/containerd/task/v3/task.ts";
import { HostRuntime_Kind, PrepareContainerResponse } from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import type { CallContext, Handlers, MessageType, TtrpcServer } from "../../lib/ttrpc/mod.ts";
import * as sys from "../native/sys.js";
import { log } from "../runtime/log.ts";
import { placementOf } from "./bundle.ts";
import { HostContainer } from "./container.ts";
import type { EventPublisher } from "./events.ts";
import type { Keeper } from "./keeper.ts";
import type { HostSandboxes } from "./host_sandboxes.ts";
import { passGracePeriod } from "../task/grace_period.ts";
import { startTimeOf } from "../task/start_time.ts";
import { PauseLink } from "./pause_link.ts";
import type { Preparer } from "./prepare.ts";
import { type Exit, now, nsOf } from "./process.ts";
import type { ContainerRecord, LocalProcess, RecordStore } from "./record.ts";
import { createOwnSandbox } from "./own_sandbox.ts";
import type { Loggers } from "./loggers.ts";
import type { Registry } from "./registry.ts";
import type { SandboxLink } from "./sandbox_link.ts";
import { namedPaths, type StdioPaths } from "./stdio.ts";
import type { HostStreams } from "./streaming/host_streams.ts";

const PREPARED = "kuasar.prepare.v1.PrepareContainerResponse";
const NAMESPACE_KEY = "containerd-namespace-ttrpc";
/** Without a deadline of the caller. */
const PREPARE_TIMEOUT_MS = 60_000;
/** Shorter than the 10 s that containerd gives a Delete. */
const RELEASE_TIMEOUT_MS = 6_000;
const RELEASE_RETRY_MS = 300_000;

/** What the service works with. */
export interface HostDeps {
  registry: Registry;
  records: RecordStore;
  preparer: Preparer;
  publisher: EventPublisher;
  /** The containers of sandboxes without an agent. */
  local: HostSandboxes;
  streams: HostStreams;
  keeper: Keeper | undefined;
  loggers: Loggers;
}

/** In a guest the stdio fields are no paths: what is not empty is wanted. */
function streamsFor(link: SandboxLink, paths: StdioPaths): StdioPaths {
  if (link.local) return paths;
  const { stdin, stdout, stderr, terminal } = paths;
  const flag = (path: string) => (path === "" ? "" : "1");
  return { stdin: flag(stdin), stdout: flag(stdout), stderr: terminal ? "" : flag(stderr), terminal };
}

/**
 * True where what is to be released are directories alone, whose going nobody has to wait for: the runtime's delete has
 * unmounted what was mounted, and there are neither devices nor a sandbox that ends with the container.
 */
function needsNoRelease({ id, sandboxId, runtime }: ContainerRecord): boolean {
  return runtime?.kind === HostRuntime_Kind.RUNC && sandboxId !== id;
}

/** containerd's Task API for every container of the node. */
export class HostTaskService {
  readonly #deps: HostDeps;
  readonly #creating = new Set<string>();
  /** Releases that nobody waits for, by the container's id. */
  readonly #releasing = new Map<string, Promise<void>>();

  constructor(deps: HostDeps) {
    this.#deps = deps;
  }

  /** Registers the service under both of its versions, which share their messages. */
  register(server: TtrpcServer): void {
    server.add(TaskDefinition, this.#handlers(), { fullName: "containerd.task.v2.Task" });
  }

  #handlers(): Handlers<typeof TaskDefinition> {
    const { registry, streams } = this.#deps;
    return {
      create: (request, context) => this.#create(request, context),
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
      kill: async (request) => {
        const container = registry.get(request.id);
        const process = container.process(request.execId);
        process.mustLive(`kill ${request.id} ${request.execId}`.trim());
        try {
          await container.guest((task) => task.kill(request));
        } catch (error) {
          if (container.link.dead) {
            throw new KuasarError("NOT_FOUND", `Cannot kill ${request.id}: its machine has ended`, {
              cause: error,
            });
          }
          throw error;
        }
        return {};
      },
      exec: async (request) => {
        const container = registry.get(request.id);
        const execId = checkId(request.execId, "exec id");
        container.init.mustLive(`exec in ${request.id}`);
        const refusal = container.record.runtime?.execRefusal;
        if (refusal) {
          throw new KuasarError("UNIMPLEMENTED", `Cannot exec in ${request.id}: ${refusal}`);
        }
        // Its start is the next that comes.
        if (container.record.runtime) passGracePeriod();
        container.mustNotHave(execId);
        const { namespace } = container.record;
        const paths = await this.#deps.loggers.open(streams.pathsOf(request), request.id, execId, namespace);
        container.addExec(execId, paths);
        container.record.execs[execId] = paths;
        // On the host there is nothing to be found again before the start, which is written down.
        if (container.record.runtime?.kind === HostRuntime_Kind.RUNC) {
          this.#deps.records.saveSoon(container.record);
        } else this.#deps.records.save(container.record);
        try {
          await container.guest(
            (task) => task.exec({ ...request, ...streamsFor(container.link, paths) }),
            false,
          );
        } catch (error) {
          await this.#deps.loggers.close(paths, request.id, execId);
          this.#forgetExec(container, execId);
          throw error;
        }
        void container.watchExit(execId);
        this.#publish(container.record, "/tasks/exec-added", "TaskExecAdded", TaskExecAdded, {
          containerId: request.id,
          execId,
        });
        return {};
      },
      resizePty: (request) => {
        const container = registry.get(request.id);
        container.process(request.execId).mustLive("resize");
        return container.guest((task) => task.resizePty(request));
      },
      closeIO: async ({ id, execId, stdin }) => {
        if (!stdin) return {};
        const container = registry.get(id);
        await container.closeStdin(execId);
        this.#noteProcess(container.record, execId, { stdinClosed: true });
        return {};
      },
      update: (request) => registry.get(request.id).guest((task) => task.update(request)),
      wait: async ({ id, execId }) => {
        const { status, at } = await registry.get(id).process(execId).wait();
        return { exitStatus: status, exitedAt: at };
      },
      stats: (request) => registry.get(request.id).guest((task) => task.stats(request)),
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

  async #create(request: CreateTaskRequest, context: CallContext): Promise<{ pid: number }> {
    const { registry, records, preparer, streams } = this.#deps;
    const id = checkId(request.id, "container id");
    if (registry.has(id) || this.#creating.has(id)) {
      throw new KuasarError("ALREADY_EXISTS", `Cannot create container ${id}: there is one with this id`);
    }
    const placement = placementOf(request.bundle, id);
    this.#creating.add(id);
    // While the container is prepared and the runtime loads.
    passGracePeriod();
    // What is taken away of an earlier container must not be the new one's.
    await this.#releasing.get(id);
    const record: ContainerRecord = {
      id,
      sandboxId: placement.sandboxId,
      namespace: context.metadata.get(NAMESPACE_KEY) ?? "k8s.io",
      bundle: request.bundle,
      phase: "preparing",
      paths: streams.pathsOf(request),
      execs: {},
    };
    try {
      records.save(record);
      const timeoutMs = Math.min(context.deadlineMs ?? PREPARE_TIMEOUT_MS, PREPARE_TIMEOUT_MS);
      const { sandboxId, bundle } = record;
      if (placement.kind !== "member") {
        const pid = await createOwnSandbox(preparer, record, timeoutMs);
        if (placement.kind === "pause") return this.#createPause(request, record, pid);
      }
      const prepared = await preparer.callShared(
        timeoutMs,
        (client, callMs) =>
          client.prepareContainer({ sandboxId, containerId: id, bundle, rootfs: request.rootfs }, {
            timeoutMs: callMs,
          }),
      );
      await this.#createIn(request, record, prepared);
      return this.#created(request, record, registry.get(id).pid);
    } catch (error) {
      registry.remove(id);
      await this.#deps.loggers.close(record.paths, id, "");
      streams.release(record.paths);
      await this.#release(record);
      throw error;
    } finally {
      this.#creating.delete(id);
    }
  }

  #created(request: CreateTaskRequest, record: ContainerRecord, pid: number): { pid: number } {
    this.#publish(record, "/tasks/create", "TaskCreate", TaskCreate, {
      containerId: record.id,
      bundle: record.bundle,
      rootfs: request.rootfs,
      io: this.#deps.streams.stdioOf(record.paths),
      checkpoint: request.checkpoint,
      pid,
    });
    return { pid };
  }

  /** A pause container's Create: the sandbox is all there is of it. */
  #createPause(request: CreateTaskRequest, record: ContainerRecord, pid: number): { pid: number } {
    record.vmm = { pid, startTime: startTimeOf(pid) };
    record.pause = true;
    record.phase = "created";
    this.#deps.records.save(record);
    const container = this.#newContainer(record, new PauseLink(record.sandboxId, record.vmm));
    this.#deps.registry.add(container);
    void container.watchExit("");
    return this.#created(request, record, container.pid);
  }

  /** The part of Create that happens in the sandbox. */
  async #createIn(
    request: CreateTaskRequest,
    record: ContainerRecord,
    prepared: PrepareContainerResponse,
  ): Promise<void> {
    const { registry, records } = this.#deps;
    const link = this.#noteSandbox(record, prepared);
    record.paths = await this.#deps.loggers.open(record.paths, record.id, "", record.namespace);
    records.save(record);
    const container = this.#newContainer(record, link);
    const options = { typeUrl: PREPARED, value: PrepareContainerResponse.encode(prepared).finish() };
    const { pid } = await container.guest(
      (task) =>
        task.create({
          ...request,
          bundle: prepared.guestBundle,
          rootfs: [],
          options,
          ...streamsFor(link, record.paths),
        }),
      false,
    );
    registry.add(container);
    record.phase = "created";
    // What is made from a checkpoint begins with its start.
    const begun = pid !== 0 || !link.local;
    if (link.local && begun) this.#began(container, "", pid);
    records.save(record);
    if (begun) await this.#connectStdio(container, "");
    void container.watchExit("");
  }

  /** Writes down where a container is to run. @throws KuasarError INTERNAL where that is not told */
  #noteSandbox(record: ContainerRecord, prepared: PrepareContainerResponse): SandboxLink {
    const { registry, local } = this.#deps;
    const { guest, runtime, sandboxPid, netnsPath } = prepared;
    if (runtime) {
      record.runtime = runtime;
      return local.link(record.sandboxId, record.id, sandboxPid, runtime);
    }
    if (!guest) {
      throw new KuasarError("INTERNAL", "Cannot create a container: the sandboxer named no guest");
    }
    record.endpoint = guest;
    record.vmm = { pid: sandboxPid, startTime: startTimeOf(sandboxPid) };
    record.netns = netnsPath;
    return registry.link(record.sandboxId, { endpoint: guest, vmm: record.vmm, netns: netnsPath });
  }

  /** A process of the host's is there. */
  #began(container: HostContainer, execId: string, pid: number): void {
    container.process(execId).pid = pid;
    (container.record.processes ??= {})[execId] = {
      pid,
      startTime: startTimeOf(pid),
      started: execId !== "",
    };
  }

  /** Writes down what has become of a process of the host's. */
  #noteProcess(record: ContainerRecord, execId: string, change: Partial<LocalProcess>): void {
    const process = record.processes?.[execId];
    if (!process) return;
    Object.assign(process, change);
    this.#deps.records.save(record);
  }

  async #pids(id: string) {
    const container = this.#deps.registry.get(id);
    const answer = container.link.local ? await container.guest((task) => task.pids({ id })) : undefined;
    if (answer && answer.processes.length > 0) return answer;
    // containerd takes a container without processes for a leak, so there is always one.
    return { processes: [{ pid: container.pid, info: undefined }] };
  }

  #newContainer(record: ContainerRecord, link: SandboxLink): HostContainer {
    return new HostContainer(
      record,
      link,
      this.#deps.keeper,
      (execId, exit) => this.#exited(record, execId, exit, record.processes?.[execId]?.pid ?? link.pid),
    );
  }

  async #start(container: HostContainer, execId: string): Promise<{ pid: number }> {
    const { id } = container.record;
    const process = container.process(execId);
    process.mustLive(`start ${id} ${execId}`.trim());
    try {
      const answer = await container.guest((task) => task.start({ id, execId }), false);
      if (container.link.local && container.process(execId).pid === 0) {
        this.#began(container, execId, answer.pid);
        if (execId === "") await this.#connectStdio(container, "");
      }
    } catch (error) {
      // Nothing will ever come: containerd waits for the end of the streams.
      process.stdio.close();
      this.#deps.streams.release(process.paths);
      if (execId !== "") process.ended({ status: 255, at: now() });
      throw error;
    }
    this.#deps.loggers.started(id, execId);
    if (process.status === Status.CREATED) process.status = Status.RUNNING;
    this.#noteProcess(container.record, execId, { started: true });
    const pid = container.pidOf(execId);
    if (execId === "") {
      this.#publish(container.record, "/tasks/start", "TaskStart", TaskStart, { containerId: id, pid });
    } else {
      await this.#connectStdio(container, execId);
      this.#publish(container.record, "/tasks/exec-started", "TaskExecStarted", TaskExecStarted, {
        containerId: id,
        execId,
        pid,
      });
    }
    return { pid };
  }

  async #delete(id: string, execId: string) {
    const { registry, records, streams } = this.#deps;
    const container = registry.get(id);
    const process = container.process(execId);
    if (process.status === Status.RUNNING || process.status === Status.PAUSED) {
      throw new KuasarError(
        "FAILED_PRECONDITION",
        `Cannot delete ${id} ${execId}: it has not ended`.replace("  ", " "),
      );
    }
    try {
      await container.guest((task) => task.delete({ id, execId }));
    } catch (error) {
      const own = asKuasarError(error);
      if (own.code !== "NOT_FOUND" && !container.link.dead) throw own;
    }
    process.stdio.close();
    const exit: Exit = process.exit ?? { status: 0, at: now() };
    process.ended(exit);
    const { record } = container;
    const pid = container.pidOf(execId);
    await this.#deps.loggers.close(process.paths, id, execId);
    if (execId !== "") {
      this.#forgetExec(container, execId);
    } else {
      container.closeStdio();
      for (const { paths } of [process, ...container.execs.values()]) streams.release(paths);
      registry.remove(id);
      record.phase = "releasing";
      records.save(record);
      const released = this.#release(record);
      if (needsNoRelease(record)) this.#releaseLater(id, released);
      else await released;
      this.#publish(record, "/tasks/delete", "TaskDelete", TaskDelete, {
        containerId: id,
        pid,
        exitStatus: exit.status,
        exitedAt: exit.at,
        id,
      });
    }
    return { pid, exitStatus: exit.status, exitedAt: exit.at };
  }

  async #checkpoint(request: CheckpointTaskRequest) {
    const { id, path } = request;
    const container = this.#deps.registry.get(id);
    container.init.mustLive(`checkpoint ${id}`);
    await container.guest((task) => task.checkpoint(request), false);
    this.#publish(container.record, "/tasks/checkpointed", "TaskCheckpointed", TaskCheckpointed, {
      containerId: id,
      checkpoint: path,
    });
    return {};
  }

  async #freeze(id: string, frozen: boolean) {
    const container = this.#deps.registry.get(id);
    await container.guest((task) => (frozen ? task.pause({ id }) : task.resume({ id })));
    container.init.status = frozen ? Status.PAUSED : Status.RUNNING;
    if (frozen) {
      this.#publish(container.record, "/tasks/paused", "TaskPaused", TaskPaused, { containerId: id });
    } else this.#publish(container.record, "/tasks/resumed", "TaskResumed", TaskResumed, { containerId: id });
    return {};
  }

  async #connectStdio(container: HostContainer, execId: string): Promise<void> {
    await container.connectStdio(execId);
    this.#deps.streams.joined(container.process(execId).paths);
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

  /** Gives a container's files and devices back; in the background when the sandboxer is away for longer. */
  async #release(record: ContainerRecord): Promise<void> {
    const { preparer, records } = this.#deps;
    const { id: containerId, sandboxId } = record;
    const release = (timeoutMs: number) =>
      preparer.callShared(
        timeoutMs,
        (client, callMs) => client.releaseContainer({ sandboxId, containerId }, { timeoutMs: callMs }),
      );
    try {
      await release(RELEASE_TIMEOUT_MS);
      records.remove(containerId);
    } catch (error) {
      const own = asKuasarError(error);
      // A sandbox that is gone has taken everything with it.
      if (own.code === "NOT_FOUND") return records.remove(containerId);
      log.warn("cannot release a container yet", { container: containerId, error: own });
      void release(RELEASE_RETRY_MS).then(
        () => records.remove(containerId),
        (late) => log.error("cannot release a container", { container: containerId, error: late }),
      );
    }
  }

  #releaseLater(id: string, released: Promise<void>): void {
    this.#releasing.set(id, released);
    void released.finally(() => {
      if (this.#releasing.get(id) === released) this.#releasing.delete(id);
    });
  }

  #exited(record: ContainerRecord, execId: string, exit: Exit, pid: number): void {
    const process = record.processes?.[execId];
    if (process) {
      this.#noteProcess(record, execId, { exit: { status: exit.status, atNs: String(nsOf(exit.at)) } });
      // Only now may it be forgotten elsewhere.
      this.#deps.keeper?.done(process);
    }
    this.#publish(record, "/tasks/exit", "TaskExit", TaskExit, {
      containerId: record.id,
      id: execId || record.id,
      pid,
      exitStatus: exit.status,
      exitedAt: exit.at,
    });
  }

  #publish<T>(record: ContainerRecord, topic: string, name: string, type: MessageType<T>, event: T): void {
    this.#deps.publisher.publish(record.namespace, topic, {
      typeUrl: `containerd.events.${name}`,
      value: type.encode(event).finish() as Uint8Array<ArrayBuffer>,
    });
  }

  /** Takes over what an earlier run of this server has left. */
  async adopt(record: ContainerRecord): Promise<void> {
    const { registry } = this.#deps;
    const link = record.phase === "created" ? this.#foundLink(record) : undefined;
    if (!link) {
      const { runtime } = record;
      if (runtime) await this.#deps.local.discard({ ...record, runtime });
      return await this.#release(record);
    }
    const container = this.#newContainer(record, link);
    registry.add(container);
    for (const paths of [record.paths, ...Object.values(record.execs)]) this.#deps.streams.adopt(paths);
    for (const [execId, paths] of Object.entries(record.execs)) container.addExec(execId, paths);
    for (const [execId, { pid }] of Object.entries(record.processes ?? {})) {
      container.process(execId).pid = pid;
    }
    await Promise.all(["", ...container.execs.keys()].map((execId) => this.#adoptProcess(container, execId)));
  }

  /** As {@link #linkOf}; undefined also where something of it has gone, which must not keep the others waiting. */
  #foundLink(record: ContainerRecord): SandboxLink | undefined {
    try {
      return this.#linkOf(record);
    } catch (error) {
      log.error("cannot take a container over", { container: record.id, error });
      return undefined;
    }
  }

  #linkOf(record: ContainerRecord): SandboxLink | undefined {
    const { sandboxId, endpoint, vmm, pause, runtime, netns = "" } = record;
    if (runtime && record.processes?.[""]) {
      return this.#deps.local.adopt({ ...record, runtime });
    }
    if (!vmm) return undefined;
    if (pause) return new PauseLink(sandboxId, vmm);
    return endpoint && this.#deps.registry.link(sandboxId, { endpoint, vmm, netns });
  }

  async #adoptProcess(container: HostContainer, execId: string): Promise<void> {
    const { id } = container.record;
    const process = container.process(execId);
    try {
      const { status } = await container.guest((task) => task.state({ id, execId }));
      // An ended process may still have output that nobody has fetched; its exit comes by Wait.
      if (status !== Status.STOPPED) process.status = status;
      if (status !== Status.CREATED || execId === "") await container.connectStdio(execId);
    } catch (error) {
      log.warn("cannot take a process over", { container: id, exec: execId, error });
      process.stdio.close();
    }
    void container.watchExit(execId);
  }
}
