import { KuasarError } from "../../lib/errors/mod.ts";
import { checkId } from "../../lib/oci/mod.ts";
import type { CreateTaskRequest } from "../../lib/proto/gen/containerd/task/v3/task.ts";
import { PrepareContainerResponse } from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import type { CallContext } from "../../lib/ttrpc/mod.ts";
import { passGracePeriod } from "../task/grace_period.ts";
import { PREPARED } from "../task/service.ts";
import { startTimeOf } from "../task/start_time.ts";
import { placementOf } from "./bundle.ts";
import { configuredElsewhere } from "./call_limits.ts";
import { connectStdio } from "./connect_stdio.ts";
import type { HostDeps } from "./host_deps.ts";
import { newContainer } from "./new_container.ts";
import { createOwnSandbox } from "./own_sandbox.ts";
import { PauseLink } from "./pause_link.ts";
import { noteBegun } from "./process_notes.ts";
import type { ContainerRecord } from "./record.ts";
import type { SandboxLink } from "./sandbox_link.ts";
import { streamsFor } from "./stdio_request.ts";

const NAMESPACE_KEY = "containerd-namespace-ttrpc";

/** Makes containers: prepared by the sandboxer, then made where they run. */
export class ContainerCreation {
  readonly #deps: HostDeps;
  /** Ids whose create is under way. */
  readonly #creating = new Set<string>();

  constructor(deps: HostDeps) {
    this.#deps = deps;
  }

  /**
   * Makes a container, which is in the registry then. Undone when it fails.
   *
   * @returns the pid that containerd is shown
   * @throws KuasarError
   */
  async create(request: CreateTaskRequest, context: CallContext): Promise<{ pid: number }> {
    const { registry, releases, loggers, streams, events } = this.#deps;
    const id = checkId(request.id, "container id");
    await releases.settled(id, context.deadlineMs);
    if (registry.has(id) || this.#creating.has(id)) {
      throw new KuasarError("ALREADY_EXISTS", `Cannot create container ${id}: there is one with this id`);
    }
    const placement = placementOf(request.bundle, id);
    const paths = streams.pathsOf(request);
    this.#creating.add(id);
    // While the container is prepared and the runtime loads.
    passGracePeriod();
    const record: ContainerRecord = {
      id,
      sandboxId: placement.sandboxId,
      namespace: context.metadata.get(NAMESPACE_KEY) ?? "k8s.io",
      bundle: request.bundle,
      phase: "preparing",
      paths,
      execs: {},
    };
    try {
      await this.#make(request, record, placement.kind, context.deadlineMs);
      const { pid } = registry.get(id);
      events.created(record, request, streams.stdioOf(record.paths), pid);
      return { pid };
    } catch (error) {
      registry.remove(id);
      await loggers.close(record.paths, id, "");
      streams.release(record.paths);
      await releases.release(record);
      throw error;
    } finally {
      this.#creating.delete(id);
    }
  }

  async #make(
    request: CreateTaskRequest,
    record: ContainerRecord,
    kind: ReturnType<typeof placementOf>["kind"],
    deadlineMs: number | undefined,
  ): Promise<void> {
    const { records, preparer } = this.#deps;
    records.save(record);
    const limits = configuredElsewhere(deadlineMs);
    const { id: containerId, sandboxId, bundle } = record;
    if (kind !== "member") {
      const pid = await createOwnSandbox(preparer, record, limits);
      if (kind === "pause") return this.#makePause(record, pid);
    }
    const prepared = await preparer.callShared(
      limits,
      (client, callMs) =>
        client.prepareContainer({ sandboxId, containerId, bundle, rootfs: request.rootfs }, {
          timeoutMs: callMs,
        }),
    );
    await this.#makeIn(request, record, prepared);
  }

  /** A pause container: the sandbox is all there is of it. */
  #makePause(record: ContainerRecord, pid: number): void {
    record.vmm = { pid, startTime: startTimeOf(pid) };
    record.pause = true;
    record.phase = "created";
    this.#deps.records.note(record);
    const container = newContainer(this.#deps, record, new PauseLink(record.sandboxId, record.vmm));
    this.#deps.registry.add(container);
    void container.watchExit("");
  }

  /** The part that happens in the sandbox. */
  async #makeIn(
    request: CreateTaskRequest,
    record: ContainerRecord,
    prepared: PrepareContainerResponse,
  ): Promise<void> {
    const { registry, records, loggers } = this.#deps;
    const link = this.#noteSandbox(record, prepared);
    record.paths = await loggers.open(record.paths, record.id, "", record.namespace);
    records.note(record);
    const container = newContainer(this.#deps, record, link);
    // Where it is reached and what files of the host there are is none of the guest's business.
    const told = PrepareContainerResponse.encode({ ...prepared, guest: undefined, returned: [] }).finish();
    const options = { typeUrl: PREPARED, value: told };
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
    if (link.local && begun) noteBegun(container, "", pid);
    records.note(record);
    if (begun) await connectStdio(this.#deps, container, "");
    void container.watchExit("");
  }

  /** Notes where a container is to run. @throws KuasarError INTERNAL where that is not told */
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
    if (prepared.returned.length > 0) record.returned = prepared.returned;
    record.vmm = { pid: sandboxPid, startTime: startTimeOf(sandboxPid) };
    record.netns = netnsPath;
    return registry.link(record.sandboxId, { endpoint: guest, vmm: record.vmm, netns: netnsPath });
  }
}
