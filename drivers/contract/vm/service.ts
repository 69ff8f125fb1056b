import { KuasarError } from "../../../lib/errors/mod.ts";
import type { Handlers } from "../../../lib/grpc/mod.ts";
import { checkId } from "../../../lib/oci/mod.ts";
import { isAlive, type Shown } from "../../../lib/process/mod.ts";
import {
  type CountersResponse,
  type DriverDefinition,
  type MachineDefinition,
  SandboxState,
  type SnapshotRequest,
  type StartRequest,
  type StartResponse,
} from "../../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { KeyedLock } from "../../../lib/concurrency/mod.ts";
import { SandboxTable } from "../sandbox_table.ts";
import { containersInGuest } from "../vm_only.ts";
import type { Control, Counters } from "./control.ts";
import { attachDevice, capabilityOf, detachDevice, deviceOf, type DeviceRecords } from "./devices.ts";
import type { VmHost } from "./host.ts";
import type { Snapshot } from "./hypervisor.ts";
import { Machine, type MachineRecord } from "./machine.ts";
import { probe } from "./probe.ts";
import { removeMachine } from "./remove.ts";
import { conceal, filesOfDevice, filesOfDisk, reveal } from "./reveal.ts";
import { resize } from "./resize.ts";
import { startMachine } from "./start.ts";
import { stopMachine } from "./stop.ts";

/** The RPCs of a VM driver. */
export class VmDriver<C extends Control> {
  readonly #host: VmHost<C>;
  readonly #machines: SandboxTable<Machine<C>>;
  /** One change at a time to the devices and the run state of a VM. */
  readonly #changes = new KeyedLock();

  /** @param machines those that were adopted */
  constructor(host: VmHost<C>, machines: Iterable<Machine<C>>) {
    this.#host = host;
    this.#machines = new SandboxTable(machines);
  }

  /** The handlers for lib/grpc. */
  handlers(): Handlers<typeof DriverDefinition> {
    const { hypervisor } = this.#host;
    return {
      info: async () => ({
        name: hypervisor.name,
        version: hypervisor.version,
        accel: hypervisor.accel,
        notes: [...hypervisor.notes],
        vm: true,
        shareKind: hypervisor.shareKind,
        capabilities: [...hypervisor.capabilities],
        memoryMib: BigInt(hypervisor.memoryMib),
        vcpus: hypervisor.vcpus,
      }),
      start: (request) => this.#start(request),
      stop: async ({ sandboxId, graceMs }) => {
        const machine = this.#machines.find(sandboxId);
        if (machine) await stopMachine(machine, graceMs);
        return {};
      },
      wait: ({ sandboxId }, context) => this.#machines.wait(sandboxId, context),
      remove: async ({ sandboxId }) => {
        await this.#machines.remove(sandboxId, (machine) => removeMachine(this.#host, machine));
        return {};
      },
      status: async ({ sandboxId }) => {
        const machine = this.#machines.get(sandboxId);
        return {
          state: machine.state,
          pid: machine.record.vmm?.pid ?? 0,
          guest: machine.guest,
          consolePath: machine.paths.console,
          pids: machine.processes.filter(isAlive).map(({ pid }) => pid),
        };
      },
      list: async () => ({ sandboxIds: this.#machines.ids() }),
      ...containersInGuest(hypervisor.name),
      attachBlock: async ({ sandboxId, device }) => {
        if (!device) {
          throw new KuasarError("INVALID_ARGUMENT", "Cannot plug in a disk: the request names none");
        }
        return await this.#change(sandboxId, async (machine, control) => {
          await this.#revealing(machine, diskKey(device.serial), await filesOfDisk(device), async () => {
            await control.attachBlock(device);
          });
          return { guestSource: control.guestSource?.(device.serial) };
        });
      },
      detachBlock: async ({ sandboxId, serial }) => {
        const machine = this.#machines.find(sandboxId);
        // With the VM its disks are gone.
        if (!machine || machine.state === SandboxState.STOPPED) return {};
        await this.#change(sandboxId, async (machine, control) => {
          await control.detachBlock(serial);
          conceal(this.#host, machine, diskKey(serial));
        });
        return {};
      },
      pause: async ({ sandboxId }) => {
        await this.#setRunState(sandboxId, (control) => control.pause(), "PAUSED");
        return {};
      },
      resume: async ({ sandboxId }) => {
        await this.#setRunState(sandboxId, (control) => control.resume(), "RUNNING");
        return {};
      },
    };
  }

  /** The handlers of `kuasar.driver.v1.Machine`. */
  machineHandlers(): Handlers<typeof MachineDefinition> {
    return {
      resize: ({ sandboxId, vcpus, memoryMib }) =>
        this.#change(sandboxId, async (_, { resizable }) => {
          if (!resizable) throw this.#cannot("resize");
          const now = await resize(resizable, { vcpus, memoryMib: Number(memoryMib) });
          return { vcpus: now.vcpus, memoryMib: BigInt(now.memoryMib) };
        }),
      // In its turn: a VMM is silent while it does what it was asked for.
      probe: async ({ sandboxId }) => {
        const machine = this.#machines.get(sandboxId);
        return { silence: await this.#changes.run(sandboxId, () => probe(this.#host, machine)) };
      },
      counters: ({ sandboxId }) =>
        this.#change(sandboxId, async (_, control) => {
          if (!control.counters) throw this.#cannot("counters");
          return countersMessage(await control.counters());
        }),
      snapshot: async (request) => {
        await this.#snapshot(request);
        return {};
      },
      restore: async ({ start, directory, onDemand }) => {
        if (!this.#host.hypervisor.capabilities.includes("snapshot")) throw this.#cannot("snapshot");
        if (!start) {
          throw new KuasarError("INVALID_ARGUMENT", "Cannot restore a sandbox: the request names none");
        }
        checkDirectory(directory);
        return await this.#start(start, { directory, onDemand });
      },
      attachDevice: (request) =>
        this.#change(request.sandboxId, async (machine, { devices }) => {
          const device = deviceOf(request);
          const capability = capabilityOf(device);
          if (!devices || !this.#host.hypervisor.capabilities.includes(capability)) {
            throw this.#cannot(capability);
          }
          const pciAddress = await this.#revealing(
            machine,
            deviceKey(request.id),
            filesOfDevice(device),
            () => attachDevice(devices, this.#deviceRecords(machine), request.id, device),
          );
          return { pciAddress };
        }),
      detachDevice: async ({ sandboxId, id }) => {
        const machine = this.#machines.find(sandboxId);
        // With the VM its devices are gone.
        if (!machine || machine.state === SandboxState.STOPPED) return {};
        await this.#change(sandboxId, async (_, { devices }) => {
          if (!devices) return;
          await detachDevice(devices, this.#deviceRecords(machine), id);
          conceal(this.#host, machine, deviceKey(id));
        });
        return {};
      },
    };
  }

  async #snapshot({ sandboxId, directory }: SnapshotRequest): Promise<void> {
    const machine = this.#machines.get(sandboxId);
    if (!machine.control?.snapshot) {
      await this.#change(sandboxId, () => Promise.reject(this.#cannot("snapshot")));
    }
    checkDirectory(directory);
    await this.#setRunState(sandboxId, async (control) => {
      await control.pause();
      await this.#revealing(machine, SNAPSHOT_KEY, [{ path: directory, access: "write" }], async () => {
        await control.snapshot!(directory);
      });
      conceal(this.#host, machine, SNAPSHOT_KEY);
    }, "PAUSED");
  }

  /** Shows files to a VMM for a change, and hides them again where that fails: what it has opened meanwhile, it keeps. */
  async #revealing<T>(
    machine: Machine<C>,
    key: string,
    files: readonly Shown[],
    change: () => Promise<T>,
  ): Promise<T> {
    reveal(this.#host, machine, key, files);
    try {
      return await change();
    } catch (error) {
      conceal(this.#host, machine, key);
      throw error;
    }
  }

  #deviceRecords(machine: Machine<C>): DeviceRecords {
    return {
      get: () => machine.record.devices ?? {},
      put: (devices) => {
        machine.record = { ...machine.record, devices };
        this.#host.records.put(machine.id, machine.record);
      },
    };
  }

  #cannot(capability: string): KuasarError {
    const { title } = this.#host.hypervisor;
    return new KuasarError(
      "UNIMPLEMENTED",
      `Cannot do this: the driver of ${title} has no capability ${capability}`,
    );
  }

  async #start(request: StartRequest, snapshot?: Snapshot): Promise<StartResponse> {
    const { sandboxId } = request;
    const host = this.#host;
    checkId(sandboxId, "sandbox id");
    host.hypervisor.checkRequest(request);
    this.#machines.mustBeFree(sandboxId);
    const machine = new Machine<C>(host.driverDir, sandboxId, host.hypervisor, {
      state: "STARTING",
    });
    return await this.#machines.start(machine, () => startMachine(host, machine, request, snapshot));
  }

  /** Runs one change of a VM that is up. */
  async #change<T>(
    sandboxId: string,
    change: (machine: Machine<C>, control: C) => Promise<T>,
  ): Promise<T> {
    const machine = this.#machines.get(sandboxId);
    return await this.#changes.run(sandboxId, async () => {
      const { state } = machine.record;
      if (state !== "RUNNING" && state !== "PAUSED") {
        throw new KuasarError(
          "FAILED_PRECONDITION",
          `Cannot change sandbox ${sandboxId}: its state is ${state}`,
        );
      }
      if (!machine.control) {
        throw new KuasarError(
          "UNAVAILABLE",
          `Cannot change sandbox ${sandboxId}: its VMM does not answer`,
        );
      }
      return await change(machine, machine.control);
    });
  }

  async #setRunState(
    sandboxId: string,
    set: (control: C) => Promise<void>,
    state: MachineRecord["state"],
  ): Promise<void> {
    await this.#change(sandboxId, async (machine, control) => {
      await set(control);
      // The VM may have ended while the command was under way.
      if (machine.record.state === "STOPPED") return;
      machine.record = { ...machine.record, state };
      this.#host.records.put(sandboxId, machine.record);
    });
  }
}

/** What files are shown for. */
const SNAPSHOT_KEY = "snapshot";
const diskKey = (serial: string) => `disk ${serial}`;
const deviceKey = (id: string) => `device ${id}`;

function countersMessage({ memoryBytes, disks }: Counters): CountersResponse {
  return {
    memoryBytes: BigInt(memoryBytes),
    disks: disks.map(({ serial, readBytes, readOps, writeBytes, writeOps }) => ({
      serial,
      readBytes: BigInt(readBytes),
      readOps: BigInt(readOps),
      writeBytes: BigInt(writeBytes),
      writeOps: BigInt(writeOps),
    })),
  };
}

/** Checks a directory that a hypervisor is to write to or read from. @throws {KuasarError} */
function checkDirectory(path: string): void {
  if (!path.startsWith("/")) {
    throw new KuasarError("INVALID_ARGUMENT", `Cannot use ${JSON.stringify(path)}: the path is not absolute`);
  }
  let found: Deno.FileInfo | undefined;
  try {
    found = Deno.statSync(path);
  } catch {
    // Told below.
  }
  if (!found?.isDirectory) {
    throw new KuasarError("NOT_FOUND", `Cannot use ${path}: there is no such directory`);
  }
}
