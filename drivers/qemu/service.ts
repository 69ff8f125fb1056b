import { KuasarError } from "../../lib/errors/mod.ts";
import type { CallContext, Handlers } from "../../lib/grpc/mod.ts";
import { isAlive } from "../../lib/process/mod.ts";
import type {
  DriverDefinition,
  StartRequest,
  StartResponse,
} from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { SandboxState } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { ShareKind } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { checkId } from "../../lib/oci/mod.ts";
import { KeyedLock } from "../contract/keyed_lock.ts";
import { toTimestamp } from "../contract/phases.ts";
import { containersInGuest } from "../contract/vm_only.ts";
import type { Host } from "./host.ts";
import { attachBlock, detachBlock } from "./hotplug.ts";
import { Machine, type MachineRecord } from "./machine.ts";
import { checkRequest, hotplugPlan } from "./plan.ts";
import type { QmpClient } from "./qmp.ts";
import { removeMachine } from "./remove.ts";
import { chooseShareKind, type ShareKindChoice } from "./share_kind.ts";
import { startMachine } from "./start.ts";
import { stopMachine } from "./stop.ts";

/** The RPCs of the QEMU driver. */
export class QemuDriver {
  readonly #host: Host;
  readonly #version: string;
  readonly #share: ShareKindChoice;
  readonly #machines = new Map<string, Machine>();
  /** One change at a time to the devices and the run state of a VM. */
  readonly #changes = new KeyedLock();

  /**
   * @param version of QEMU, `QEMU 10.0.2`
   * @param machines those that were adopted
   */
  constructor(host: Host, version: string, machines: Iterable<Machine>) {
    this.#host = host;
    this.#version = version;
    this.#share = chooseShareKind(host.config.shareFs, host.accel.accel);
    for (const machine of machines) this.#machines.set(machine.id, machine);
  }

  /** The handlers for lib/grpc. */
  handlers(): Handlers<typeof DriverDefinition> {
    return {
      info: async () => ({
        name: "qemu",
        version: this.#version,
        accel: this.#host.accel.accel,
        notes: [...this.#host.accel.notes, ...this.#share.notes, ...this.#host.config.notes],
        vm: true,
        shareKind: this.#share.kind === "9p" ? ShareKind.NINEP : ShareKind.VIRTIOFS,
        capabilities: ["hotplug-block", "pause", this.#host.kernelVsock ? "vsock-kernel" : "vsock-hybrid"],
      }),
      start: (request) => this.#start(request),
      stop: async ({ sandboxId, graceMs }) => {
        const machine = this.#machines.get(sandboxId);
        if (machine) await stopMachine(machine, graceMs);
        return {};
      },
      wait: ({ sandboxId }, context) => this.#wait(sandboxId, context),
      remove: async ({ sandboxId }) => {
        const machine = this.#machines.get(sandboxId);
        if (!machine) return {};
        await removeMachine(this.#host, machine);
        if (this.#machines.get(sandboxId) === machine) this.#machines.delete(sandboxId);
        return {};
      },
      status: async ({ sandboxId }) => {
        const machine = this.#machine(sandboxId);
        return {
          state: machine.state,
          pid: machine.record.vmm?.pid ?? 0,
          guest: machine.guest,
          consolePath: machine.paths.console,
          pids: machine.processes.filter(isAlive).map(({ pid }) => pid),
        };
      },
      list: async () => ({ sandboxIds: [...this.#machines.keys()].sort() }),
      ...containersInGuest("qemu"),
      attachBlock: async ({ sandboxId, device }) => {
        if (!device) {
          throw new KuasarError("INVALID_ARGUMENT", "Cannot plug in a disk: the request names none");
        }
        await this.#change(sandboxId, (machine, qmp) => attachBlock(qmp, machine.slots, device));
        return {};
      },
      detachBlock: async ({ sandboxId, serial }) => {
        const machine = this.#machines.get(sandboxId);
        // With the VM its disks are gone.
        if (!machine || machine.state === SandboxState.STOPPED) return {};
        await this.#change(sandboxId, (machine, qmp) => detachBlock(qmp, machine.slots, serial));
        return {};
      },
      pause: async ({ sandboxId }) => {
        await this.#setRunState(sandboxId, "stop", "PAUSED");
        return {};
      },
      resume: async ({ sandboxId }) => {
        await this.#setRunState(sandboxId, "cont", "RUNNING");
        return {};
      },
    };
  }

  async #start(request: StartRequest): Promise<StartResponse> {
    const { sandboxId } = request;
    const host = this.#host;
    checkId(sandboxId, "sandbox id");
    checkRequest(request, host.config);
    if (this.#machines.has(sandboxId)) {
      throw new KuasarError("ALREADY_EXISTS", `Cannot start sandbox ${sandboxId}: it exists`);
    }
    const machine = new Machine(host.driverDir, sandboxId, {
      state: "STARTING",
      hotplug: hotplugPlan(host.config),
    });
    this.#machines.set(sandboxId, machine);
    const started = startMachine(host, machine, request);
    machine.starting = started.then(() => {}, () => {});
    try {
      return await started;
    } catch (error) {
      // Waiters of a VM that never was learn its end too.
      machine.end({ status: 255, atMs: Date.now(), evidence: [] });
      if (this.#machines.get(sandboxId) === machine) this.#machines.delete(sandboxId);
      throw error;
    }
  }

  async #wait(sandboxId: string, { cancelled }: CallContext) {
    const machine = this.#machine(sandboxId);
    const given = Promise.withResolvers<never>();
    const give = () =>
      given.reject(new KuasarError("CANCELLED", `Cannot wait for sandbox ${sandboxId}: cancelled`));
    cancelled.addEventListener("abort", give, { once: true });
    try {
      const exit = await Promise.race([machine.ended, given.promise]);
      return { exitStatus: exit.status, exitedAt: toTimestamp(exit.atMs), evidence: exit.evidence };
    } finally {
      cancelled.removeEventListener("abort", give);
    }
  }

  #machine(sandboxId: string): Machine {
    const machine = this.#machines.get(sandboxId);
    if (!machine) throw new KuasarError("NOT_FOUND", `Cannot find sandbox ${sandboxId}: there is none`);
    return machine;
  }

  /** Runs one change of a VM that is up. */
  async #change(
    sandboxId: string,
    change: (machine: Machine, qmp: QmpClient) => Promise<void>,
  ): Promise<void> {
    const machine = this.#machine(sandboxId);
    await this.#changes.run(sandboxId, async () => {
      const { state } = machine.record;
      if (state !== "RUNNING" && state !== "PAUSED") {
        throw new KuasarError(
          "FAILED_PRECONDITION",
          `Cannot change sandbox ${sandboxId}: its state is ${state}`,
        );
      }
      if (!machine.qmp) {
        throw new KuasarError(
          "UNAVAILABLE",
          `Cannot change sandbox ${sandboxId}: its monitor does not answer`,
        );
      }
      await change(machine, machine.qmp);
    });
  }

  async #setRunState(
    sandboxId: string,
    command: "stop" | "cont",
    state: MachineRecord["state"],
  ): Promise<void> {
    await this.#change(sandboxId, async (machine, qmp) => {
      await qmp.execute(command, {});
      // The VM may have ended while the command was under way.
      if (machine.record.state === "STOPPED") return;
      machine.record = { ...machine.record, state };
      this.#host.records.put(sandboxId, machine.record);
    });
  }
}
