import { listenUnixFd } from "../../lib/libc/mod.ts";
import type { SpawnedProcess } from "../../lib/process/mod.ts";
import type { StartRequest } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { ShareKind } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { ConsolePump } from "../contract/console_pump.ts";
import type { ProgramVersion } from "../contract/program_version.ts";
import { openTap } from "../contract/tap.ts";
import type { Accel, AccelChoice } from "../contract/vm/accel.ts";
import type { Reconnected } from "../contract/vm/control.ts";
import { guestRequirements } from "../contract/vm/guest_config.ts";
import type { Hypervisor, Launch } from "../contract/vm/hypervisor.ts";
import { shown, type View } from "../contract/vm/jail_root.ts";
import type { Machine } from "../contract/vm/machine.ts";
import type { Requirement } from "../contract/vm/preflight.ts";
import { shareRequirements } from "../contract/vm/request.ts";
import { FILE_SERVER, PLAIN } from "../contract/vm/rights.ts";
import { spawnHelper, spawnVmm, vhostDeviceVsock } from "../contract/vm/spawn.ts";
import { buildArguments } from "./command_line.ts";
import type { QemuConfig } from "./config.ts";
import { QemuControl } from "./control.ts";
import { dataFolders } from "./data_folders.ts";
import type { LaunchPlan, VsockPlan } from "./launch_plan.ts";
import { checkRequest, hotplugPlan, planLaunch } from "./plan.ts";

const SHARE_KINDS = { virtiofs: ShareKind.VIRTIOFS, "9p": ShareKind.NINEP, block: ShareKind.BLOCK } as const;

/** QEMU behind the steps that all VM drivers share. */
export class QemuHypervisor implements Hypervisor<QemuControl> {
  readonly name = "qemu";
  readonly title = "QEMU";
  readonly version: string;
  readonly accel: Accel;
  readonly notes: readonly string[];
  readonly shareKind: ShareKind;
  readonly capabilities: readonly string[];
  readonly controlSocket = "qmp.sock";
  readonly ownSockets = false;
  readonly vsock: "hybrid" | "kernel";
  readonly memoryMib: number;
  readonly vcpus: number;
  readonly launcherPath: string;
  readonly bootTimeoutMs: number;
  readonly #config: QemuConfig;
  #dataFolders: Promise<string[]> | undefined;

  /**
   * @param program `QEMU 10.0.2`
   * @param kernelVsock whether this host gives guests a place on the kernel's vsock
   */
  constructor(
    config: QemuConfig,
    { accel, notes }: AccelChoice,
    program: ProgramVersion,
    kernelVsock: boolean,
  ) {
    this.#config = config;
    this.version = program.version;
    this.accel = accel;
    this.notes = [...notes, ...program.notes, ...config.notes];
    this.shareKind = SHARE_KINDS[config.shareFs];
    this.vsock = config.vsock === "kernel" || (config.vsock === "auto" && kernelVsock) ? "kernel" : "hybrid";
    this.capabilities = [
      ...["block", "nic", "share", "pmem", "vfio"].map((kind) => `hotplug-${kind}`),
      ...["pause", "resize", "counters", `vsock-${this.vsock}`],
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
    const { qemuPath, vhostDeviceVsockPath, guest } = this.#config;
    return [
      {
        what: "QEMU (qemu_path)",
        path: qemuPath,
        remedy: "install qemu-system, or run `deno task setup`",
      },
      ...guestRequirements(guest),
      ...(this.vsock === "kernel" ? [] : [{
        what: "vhost-device-vsock (vhost_device_vsock_path)",
        path: vhostDeviceVsockPath,
        remedy: "install vhost-device-vsock, run `deno task setup`, or load the module vhost_vsock",
      }]),
      ...shareRequirements(request),
    ];
  }

  async launch(launch: Launch<QemuControl>): Promise<SpawnedProcess> {
    const { host, machine, request, clock, kernelVsock, inherited } = launch;
    const { paths } = machine;
    const vsock: VsockPlan = kernelVsock
      ? { kind: "kernel", ...kernelVsock }
      : { kind: "hybrid", socket: paths.vhostSocket };
    // The driver connects to both before QEMU runs: nobody waits for a file to appear.
    const monitorFd = inherited.add(listenUnixFd(paths.monitor));
    const consoleFd = inherited.add(listenUnixFd(paths.consoleSocket));
    const helper = vsock.kind === "kernel" ? undefined : clock.measure(
      "vsock",
      () => spawnHelper(host, machine, vhostDeviceVsock(machine, this.#config.vhostDeviceVsockPath)),
    );
    helper?.catch(() => {});
    const nicFds = request.nics.map((nic) => inherited.addAll(openTap(nic)));
    machine.console = await ConsolePump.connect(paths.consoleSocket, paths.console);
    await helper;
    const plan = planLaunch(request, this.#config, this.accel, { monitorFd, consoleFd, vsock, nicFds });
    const view = await this.#view(plan);
    machine.abort.signal.throwIfAborted();
    return await clock.measure(
      "spawn",
      () =>
        spawnVmm(host, machine, {
          command: this.#config.qemuPath,
          args: buildArguments(plan),
          fds: inherited.fds,
          rights: plan.share?.kind === "9p" ? FILE_SERVER : PLAIN,
          view,
        }),
    );
  }

  /** What it opens by name. All that is not plugged in later it opens once, before it answers its monitor. */
  async #view(
    { accel, kernel, initrd, image, firmware, entropySource, vsock, share }: LaunchPlan,
  ): Promise<View> {
    this.#dataFolders ??= dataFolders(this.#config.qemuPath);
    const sockets = [
      vsock.kind === "hybrid" ? vsock.socket : "",
      share?.kind === "virtiofs" ? share.socket : "",
    ];
    return {
      always: share?.kind === "9p" ? shown("tree", [share.dir]) : [],
      atStart: [
        ...shown("read", [...await this.#dataFolders, kernel, initrd, image, firmware]),
        ...shown("device", [accel === "kvm" ? "/dev/kvm" : "", entropySource]),
        ...shown("write", sockets),
      ],
    };
  }

  async connect({ machine }: Launch<QemuControl>): Promise<QemuControl> {
    const room = { memoryMib: this.#config.memoryHotplugMib };
    return await QemuControl.connect(
      machine.paths.monitor,
      hotplugPlan(this.#config),
      room,
      this.bootTimeoutMs,
    );
  }

  async reconnect(machine: Machine<QemuControl>): Promise<Reconnected<QemuControl>> {
    return await QemuControl.reconnect(machine.paths.monitor, { memoryMib: this.#config.memoryHotplugMib });
  }
}
