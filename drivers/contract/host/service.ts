import { KeyedLock } from "../../../lib/concurrency/mod.ts";
import { KuasarError } from "../../../lib/errors/mod.ts";
import type { Handlers } from "../../../lib/grpc/mod.ts";
import { checkId } from "../../../lib/oci/mod.ts";
import {
  type DriverDefinition,
  SandboxState,
  type StartRequest,
  type StartResponse,
} from "../../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { ShareKind } from "../../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { NamespaceMode, PodSandboxConfig } from "../../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";
import { cgroupFolders, cgroupPath, hierarchies, processesIn } from "../../../lib/cgroups/mod.ts";
import { SandboxTable } from "../sandbox_table.ts";
import { missingParents } from "./cgroup.ts";
import type { SandboxHost } from "./host.ts";
import { checkNetns } from "./namespaces.ts";
import { prepareContainer, releaseContainer } from "./prepare.ts";
import { removeSandbox } from "./remove.ts";
import { Sandbox } from "./sandbox.ts";
import { startSandbox } from "./start.ts";
import { stopSandbox } from "./stop.ts";

/** The RPCs of a driver whose sandboxes have no kernel of their own. */
export class HostDriver {
  readonly #host: SandboxHost;
  readonly #sandboxes: SandboxTable<Sandbox>;
  /** One call at a time for each container. */
  readonly #containers = new KeyedLock();

  /** @param sandboxes those that were adopted */
  constructor(host: SandboxHost, sandboxes: Iterable<Sandbox>) {
    this.#host = host;
    this.#sandboxes = new SandboxTable(sandboxes);
  }

  /** The handlers for lib/grpc. */
  handlers(): Handlers<typeof DriverDefinition> {
    const { kind } = this.#host;
    return {
      info: async () => ({
        name: kind.name,
        version: kind.version,
        accel: "",
        notes: [...kind.notes],
        vm: false,
        shareKind: ShareKind.VIRTIOFS,
        capabilities: [...kind.capabilities, ...(kind.ownKernel ? ["own-kernel"] : [])],
        memoryMib: 0n,
        vcpus: 0,
      }),
      start: (request) => this.#start(request),
      stop: async ({ sandboxId }) => {
        const sandbox = this.#sandboxes.find(sandboxId);
        if (sandbox) await stopSandbox(this.#host, sandbox);
        return {};
      },
      wait: ({ sandboxId }, context) => this.#sandboxes.wait(sandboxId, context),
      remove: async ({ sandboxId }) => {
        await this.#sandboxes.remove(sandboxId, (sandbox) => removeSandbox(this.#host, sandbox));
        return {};
      },
      status: async ({ sandboxId }) => {
        const { state, record, process } = this.#sandboxes.get(sandboxId);
        const running = state === SandboxState.RUNNING;
        const own = running && process ? [process.pid] : [];
        return {
          state,
          pid: process?.pid ?? 0,
          guest: undefined,
          consolePath: "",
          pids: [...new Set([...own, ...(running ? processesOf(record.cgroup) : [])])],
        };
      },
      list: async () => ({ sandboxIds: this.#sandboxes.ids() }),
      prepareContainer: async (request) => {
        const { sandboxId, containerId } = request;
        const sandbox = this.#running(sandboxId);
        checkId(containerId, "container id");
        const runtime = await this.#containers.run(
          `${sandboxId}/${containerId}`,
          () => prepareContainer(this.#host, sandbox, request),
        );
        return { runtime };
      },
      releaseContainer: async ({ sandboxId, containerId }) => {
        const sandbox = this.#sandboxes.find(sandboxId);
        if (!sandbox) return {};
        checkId(containerId, "container id");
        await this.#containers.run(
          `${sandboxId}/${containerId}`,
          () => Promise.resolve(releaseContainer(this.#host, sandbox, containerId)),
        );
        return {};
      },
      attachBlock: () => this.#refuse("plug in a disk"),
      detachBlock: async () => ({}),
      pause: () => this.#refuse("pause a sandbox"),
      resume: () => this.#refuse("resume a sandbox"),
    };
  }

  #refuse(what: string): Promise<never> {
    const reason = `the sandboxes of driver ${this.#host.kind.name} are no VMs`;
    return Promise.reject(new KuasarError("UNIMPLEMENTED", `Cannot ${what}: ${reason}`));
  }

  async #start(request: StartRequest): Promise<StartResponse> {
    const { sandboxId: id, netnsPath, hostname, sharePid } = request;
    checkId(id, "sandbox id");
    checkNetns(netnsPath);
    this.#sandboxes.mustBeFree(id);
    const cgroup = cgroupPath(request.cgroup);
    // With a kernel of its own a sandbox sees no process of the host's: all of its own is the most that there is.
    const hostPid = wantsHostPid(request) && !this.#host.kind.ownKernel;
    const sandbox = new Sandbox(this.#host.driverDir, {
      id,
      state: "STARTING",
      netnsPath,
      hostname,
      ownIpc: hasOwnIpc(request),
      ...hostPid ? { sharePid: false, hostPid } : { sharePid },
      cgroup,
      madeCgroups: missingParents(cgroup),
    });
    return await this.#sandboxes.start(sandbox, () => startSandbox(this.#host, sandbox, request));
  }

  #running(id: string): Sandbox {
    const sandbox = this.#sandboxes.get(id);
    if (sandbox.state === SandboxState.RUNNING) return sandbox;
    throw new KuasarError(
      "FAILED_PRECONDITION",
      `Cannot use sandbox ${id}: its state is ${sandbox.record.state}`,
    );
  }
}

/** A pod may ask for the host's ipc namespace. */
function hasOwnIpc(request: StartRequest): boolean {
  return namespaceOptions(request)?.ipc !== NamespaceMode.NODE;
}

/** And for the host's PID namespace. */
function wantsHostPid(request: StartRequest): boolean {
  return namespaceOptions(request)?.pid === NamespaceMode.NODE;
}

function namespaceOptions({ podConfig }: StartRequest) {
  return PodSandboxConfig.decode(podConfig).linux?.securityContext?.namespaceOptions;
}

function processesOf(cgroup: string): number[] {
  return cgroup === "" ? [] : processesIn(cgroupFolders(cgroup, hierarchies().slice(0, 1)));
}
