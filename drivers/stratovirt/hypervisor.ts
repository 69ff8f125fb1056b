import { KuasarError } from "../../lib/errors/mod.ts";
import type { SpawnedProcess } from "../../lib/process/mod.ts";
import type { StartRequest } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { ShareKind } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { connectWhenListening } from "../contract/connect_when_listening.ts";
import { ConsolePump } from "../contract/console_pump.ts";
import { DescriptorStream } from "../contract/qmp/descriptor_stream.ts";
import { openTap } from "../contract/tap.ts";
import { type Accel, type AccelFacts, chooseAccel } from "../contract/vm/accel.ts";
import type { Reconnected } from "../contract/vm/control.ts";
import { guestRequirements } from "../contract/vm/guest_config.ts";
import type { Hypervisor, Launch } from "../contract/vm/hypervisor.ts";
import { shown, type View } from "../contract/vm/jail_root.ts";
import type { Machine } from "../contract/vm/machine.ts";
import type { Requirement } from "../contract/vm/preflight.ts";
import { shareRequirements } from "../contract/vm/request.ts";
import type { ProgramVersion } from "../contract/program_version.ts";
import { PLAIN } from "../contract/vm/rights.ts";
import { spawnHelper, spawnVmm, vhostDeviceVsock } from "../contract/vm/spawn.ts";
import { buildArguments } from "./command_line.ts";
import type { StratoVirtConfig } from "./config.ts";
import { StratoVirtControl } from "./control.ts";
import { PLUGGABLE } from "./devices.ts";
import { DiskTable } from "./disk_table.ts";
import { diskSlots, type LaunchPlan, type VsockPlan } from "./launch_plan.ts";
import { checkRequest, planLaunch, queuePairs } from "./plan.ts";

/** StratoVirt behind the steps that all VM drivers share. */
export class StratoVirt implements Hypervisor<StratoVirtControl> {
  readonly name = "stratovirt";
  readonly title = "StratoVirt";
  readonly version: string;
  readonly accel: Accel;
  readonly notes: readonly string[];
  readonly shareKind: ShareKind;
  readonly capabilities: readonly string[];
  readonly controlSocket = "qmp.sock";
  readonly ownSockets = true;
  readonly vsock: "hybrid" | "kernel";
  readonly memoryMib: number;
  readonly vcpus: number;
  readonly launcherPath: string;
  readonly bootTimeoutMs: number;
  readonly #config: StratoVirtConfig;

  /** @param program `StratoVirt 2.5.0` */
  constructor(config: StratoVirtConfig, program: ProgramVersion, facts: AccelFacts) {
    const { accel, notes } = chooseAccel("auto", facts);
    this.#config = config;
    this.version = program.version;
    // It has no emulation: guests run on KVM or not at all.
    this.accel = "kvm";
    this.notes = [
      ...(accel === "kvm"
        ? []
        : notes.map((note) => note.replace(/:[^:]*$/, ": StratoVirt cannot run guests"))),
      ...program.notes,
      ...config.notes,
    ];
    this.shareKind = config.shareFs === "block" ? ShareKind.BLOCK : ShareKind.VIRTIOFS;
    this.vsock = config.vsock === "kernel" ? "kernel" : "hybrid";
    const kinds = config.machine === "microvm" ? [] : PLUGGABLE;
    this.capabilities = [
      ...["block", ...kinds].map((kind) => `hotplug-${kind}`),
      ...["pause", `vsock-${this.vsock}`],
    ];
    this.memoryMib = config.guest.memoryMib;
    this.vcpus = config.guest.vcpus;
    this.launcherPath = config.guest.launcherPath;
    this.bootTimeoutMs = config.guest.bootTimeoutMs;
  }

  checkRequest(request: StartRequest): void {
    checkRequest(request, this.#config);
  }

  requirements(request: StartRequest): Requirement[] {
    const { path, firmware, machine, guest, vhostDeviceVsockPath } = this.#config;
    return [
      { what: "StratoVirt (path)", path, remedy: "install it; `deno task setup` brings all the rest" },
      ...(machine === "q35"
        ? [{ what: "the firmware (firmware)", path: firmware, remedy: "install ovmf" }]
        : []),
      ...guestRequirements(guest),
      this.vsock === "kernel"
        ? { what: "vhost-vsock", path: "/dev/vhost-vsock", remedy: "load the module vhost_vsock" }
        : {
          what: "vhost-device-vsock (vhost_device_vsock_path)",
          path: vhostDeviceVsockPath,
          remedy: "install vhost-device-vsock, or run `deno task setup`",
        },
      ...shareRequirements(request),
    ];
  }

  async launch(launch: Launch<StratoVirtControl>): Promise<SpawnedProcess> {
    const { host, machine, request, clock, kernelVsock, inherited } = launch;
    const { paths } = machine;
    const vsock: VsockPlan = kernelVsock
      ? { kind: "kernel", ...kernelVsock }
      : { kind: "vhost-user", socket: paths.vhostSocket };
    if (vsock.kind === "vhost-user") {
      const helper = vhostDeviceVsock(machine, this.#config.vhostDeviceVsockPath);
      await clock.measure("vsock", () => spawnHelper(host, machine, helper));
    }
    // A queue that is open and not served would get its share of the packets.
    const nicFds = request.nics.map((nic) =>
      inherited.addAll(openTap({ ...nic, queues: queuePairs(this.#config, nic.queues) }))
    );
    const plan = planLaunch(request, this.#config, paths, vsock, nicFds);
    checkPaths(plan);
    DiskTable.create(diskTablePath(machine), diskSlots(plan));
    machine.abort.signal.throwIfAborted();
    return await clock.measure(
      "spawn",
      () =>
        spawnVmm(host, machine, {
          command: this.#config.path,
          args: buildArguments(plan),
          fds: inherited.fds,
          rights: PLAIN,
          view: viewOf(plan, paths.vmDir),
        }),
    );
  }

  async connect({ machine }: Launch<StratoVirtControl>): Promise<StratoVirtControl> {
    const { paths, abort } = machine;
    // It makes its sockets by itself, the console's before the monitor's.
    const console = await connectWhenListening(paths.consoleSocket, this.bootTimeoutMs, abort.signal);
    machine.console = ConsolePump.over(console, paths.console);
    const monitor = await connectWhenListening(
      paths.monitor,
      this.bootTimeoutMs,
      abort.signal,
      DescriptorStream.connect,
    );
    const disks = DiskTable.load(diskTablePath(machine));
    const control = await StratoVirtControl.over(monitor, disks, this.bootTimeoutMs);
    try {
      await control.resume();
      return control;
    } catch (error) {
      control.close();
      throw error;
    }
  }

  async reconnect(machine: Machine<StratoVirtControl>): Promise<Reconnected<StratoVirtControl>> {
    return await StratoVirtControl.reconnect(machine.paths.monitor, diskTablePath(machine));
  }
}

/** What it opens by name. All that is not plugged in later it opens once, before it answers its monitor. */
function viewOf({ kernel, initrd, image, firmware, entropySource, share }: LaunchPlan, vmDir: string): View {
  return {
    always: shown("write", [vmDir]),
    atStart: [
      ...shown("read", [kernel, initrd, image, firmware]),
      ...shown("device", ["/dev/kvm", entropySource]),
      ...shown("write", [share?.socket ?? ""]),
    ],
  };
}

function diskTablePath({ paths }: Machine<StratoVirtControl>): string {
  return `${paths.dir}/disks.json`;
}

/** A comma in a path would end it: StratoVirt's options know no escape. */
function checkPaths({ image, firmware, share, monitor, console }: LaunchPlan): void {
  for (const path of [image, firmware, share?.socket ?? "", share?.tag ?? "", monitor, console]) {
    if (path.includes(",")) {
      throw new KuasarError(
        "INVALID_ARGUMENT",
        `Cannot start a sandbox: ${JSON.stringify(path)} has a comma, which StratoVirt takes for its end`,
      );
    }
  }
}
