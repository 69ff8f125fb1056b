import { KuasarError } from "../../lib/errors/mod.ts";
import { listenUnixFd } from "../../lib/libc/mod.ts";
import type { SpawnedProcess } from "../../lib/process/mod.ts";
import type { StartRequest } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { ShareKind } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { ConsolePump } from "../contract/console_pump.ts";
import type { ProgramVersion } from "../contract/program_version.ts";
import { openTap } from "../contract/tap.ts";
import { type Accel, type AccelFacts, chooseAccel } from "../contract/vm/accel.ts";
import type { Reconnected } from "../contract/vm/control.ts";
import { guestRequirements } from "../contract/vm/guest_config.ts";
import type { Hypervisor, Launch, Snapshot } from "../contract/vm/hypervisor.ts";
import { shown, type View } from "../contract/vm/jail_root.ts";
import type { Machine } from "../contract/vm/machine.ts";
import type { Requirement } from "../contract/vm/preflight.ts";
import { shareRequirements } from "../contract/vm/request.ts";
import { OWN_TAPS, PLAIN } from "../contract/vm/rights.ts";
import { spawnVmm } from "../contract/vm/spawn.ts";
import { CloudHypervisorApi } from "./api.ts";
import { buildArguments } from "./command_line.ts";
import type { CloudHypervisorConfig } from "./config.ts";
import { CloudHypervisorControl } from "./control.ts";
import { EventPipe } from "./event_pipe.ts";
import { checkRequest, netConfig, planVm, queuePairs } from "./plan.ts";
import { stageSnapshot } from "./snapshot.ts";
import { type Build, FIRST_MAJOR, versionNotes } from "./version.ts";

/** A VMM that does not answer within this time is taken for hung; the VM is adopted without it. */
const RECONNECT_TIMEOUT_MS = 3_000;

/** Cloud Hypervisor behind the steps that all VM drivers share. */
export class CloudHypervisor implements Hypervisor<CloudHypervisorControl> {
  readonly name = "cloud-hypervisor";
  readonly title = "Cloud Hypervisor";
  readonly version: string;
  readonly accel: Accel;
  readonly notes: readonly string[];
  readonly shareKind: ShareKind;
  readonly capabilities = [
    ...["hotplug-block", "hotplug-nic", "hotplug-share", "hotplug-pmem", "hotplug-vfio"],
    ...["pause", "resize", "counters", "snapshot", "vsock-hybrid"],
  ];
  readonly controlSocket = "api.sock";
  readonly ownSockets = true;
  readonly vsock = "hybrid";
  readonly memoryMib: number;
  readonly vcpus: number;
  readonly launcherPath: string;
  readonly bootTimeoutMs: number;
  readonly #config: CloudHypervisorConfig;
  readonly #build: Build | undefined;
  /** Why the program has told no version, where that is known. */
  readonly #silence: string | undefined;

  /** @param program undefined where it does not tell what it is */
  constructor(config: CloudHypervisorConfig, program: ProgramVersion<Build | undefined>, facts: AccelFacts) {
    const build = program.version;
    const { accel, notes } = accelOf(build, facts);
    this.#config = config;
    this.#build = build;
    this.#silence = program.notes[0];
    this.version = build?.text ?? "";
    this.accel = accel;
    this.shareKind = config.shareFs === "block" ? ShareKind.BLOCK : ShareKind.VIRTIOFS;
    this.notes = [...notes, ...program.notes, ...(build ? versionNotes(build) : []), ...config.notes];
    this.memoryMib = config.guest.memoryMib;
    this.vcpus = config.guest.vcpus;
    this.launcherPath = config.guest.launcherPath;
    this.bootTimeoutMs = config.guest.bootTimeoutMs;
  }

  checkRequest(request: StartRequest): void {
    checkRequest(request, this.#config);
  }

  requirements(request: StartRequest): Requirement[] {
    return [
      {
        what: "Cloud Hypervisor (path)",
        path: this.#config.path,
        remedy: "install it; `deno task setup` brings all the rest",
      },
      ...guestRequirements(this.#config.guest).map((one) =>
        // The VMM maps it in pieces of this size.
        this.#config.imageDevice === "pmem" && one.path === this.#config.guest.imagePath
          ? { ...one, alignmentMib: 2, remedy: "pad it with `truncate --size %2M`" }
          : one
      ),
      ...shareRequirements(request),
    ];
  }

  async launch(launch: Launch<CloudHypervisorControl>): Promise<SpawnedProcess> {
    const { host, machine, request, clock, inherited, held } = launch;
    this.#usableBuild();
    for (const nic of request.nics) {
      held.addAll(openTap({ ...nic, queues: queuePairs(request, this.#config, nic.queues) }));
    }
    const api = inherited.add(listenUnixFd(machine.paths.monitor));
    const events = inherited.add(EventPipe.make(eventPath(machine)));
    const args = buildArguments(this.#config, { api, events });
    machine.abort.signal.throwIfAborted();
    // It asks the kernel about its taps by their names, so it must be where they are.
    const place = request.nics[0]
      ? { netns: request.nics[0].netnsPath, rights: OWN_TAPS }
      : { rights: PLAIN };
    const view = this.#view(launch);
    return await clock.measure(
      "spawn",
      () => spawnVmm(host, machine, { command: this.#config.path, args, fds: inherited.fds, view, ...place }),
    );
  }

  /** What it opens by name. A guest that boots again is made anew, of what the first one was made of. */
  #view({ machine, request: { share }, snapshot }: Launch<CloudHypervisorControl>): View {
    const { guest, entropySource, landlockPaths } = this.#config;
    return {
      always: [
        ...shown("write", [machine.paths.vmDir, share?.socketPath ?? ""]),
        ...shown("read", [guest.kernelPath, guest.initrdPath, guest.imagePath]),
        ...shown("device", [entropySource]),
        ...shown("tree", landlockPaths),
      ],
      atStart: [...shown("device", ["/dev/kvm"]), ...shown("read", [snapshot?.directory ?? ""])],
    };
  }

  async connect(launch: Launch<CloudHypervisorControl>): Promise<CloudHypervisorControl> {
    const { machine, request, clock, held } = launch;
    const { version } = this.#usableBuild();
    const api = new CloudHypervisorApi(machine.paths.monitor);
    const events = EventPipe.open(eventPath(machine));
    const control = new CloudHypervisorControl(api, events, version, machine.record.vmm!);
    try {
      // The first answer comes when the program has started.
      await clock.measure("vmm", () => api.ping(this.bootTimeoutMs));
      if (launch.snapshot) {
        await clock.measure("vm", () => this.#restore(api, launch, launch.snapshot!));
        await control.adopt(this.bootTimeoutMs);
        return control;
      }
      await api.create(planVm(request, this.#config, version, machine.paths));
      // Before the guest's first word; the socket is there since `vm.create`.
      machine.console = await ConsolePump.connect(machine.paths.consoleSocket, machine.paths.console);
      let at = 0;
      for (const [index, { mac, queues }] of request.nics.entries()) {
        const pairs = queuePairs(request, this.#config, queues);
        await api.addNet(netConfig(`nic${index}`, mac, pairs), held.fds.slice(at, at += pairs));
      }
      await clock.measure("vm", () => api.boot(this.bootTimeoutMs));
      return control;
    } catch (error) {
      control.close();
      throw refused(error);
    }
  }

  async reconnect(machine: Machine<CloudHypervisorControl>): Promise<Reconnected<CloudHypervisorControl>> {
    const { version } = this.#usableBuild();
    const api = new CloudHypervisorApi(machine.paths.monitor);
    const events = EventPipe.open(eventPath(machine));
    const control = new CloudHypervisorControl(api, events, version, machine.record.vmm!);
    try {
      return { control, state: await control.adopt(RECONNECT_TIMEOUT_MS) };
    } catch (error) {
      control.close();
      throw error;
    }
  }

  /** Reads a VM into the empty VMM and lets it go on. */
  async #restore(
    api: CloudHypervisorApi,
    { machine, request, held }: Launch<CloudHypervisorControl>,
    snapshot: Snapshot,
  ): Promise<void> {
    const { version } = this.#usableBuild();
    const { request: body, queuePairs } = await stageSnapshot(snapshot, machine.paths, version);
    const given = queuePairs.reduce((sum, pairs) => sum + pairs, 0);
    if (request.nics.length !== queuePairs.length || held.fds.length !== given) {
      throw new KuasarError(
        "FAILED_PRECONDITION",
        `Cannot restore a sandbox: its snapshot has ${queuePairs.length} NICs with ${given} queue pairs, ` +
          `the request ${request.nics.length} with ${held.fds.length}`,
      );
    }
    // Paused, so that the console is there before the guest's first word.
    await api.restore(body, held.fds);
    machine.console = await ConsolePump.connect(machine.paths.consoleSocket, machine.paths.console);
    await api.resume();
  }

  #usableBuild(): Build {
    const build = this.#build;
    if (build === undefined) {
      throw new KuasarError(
        "FAILED_PRECONDITION",
        `Cannot start a sandbox: ${this.#silence ?? `${this.#config.path} does not tell its version`}; ` +
          "check that it is Cloud Hypervisor, and start this driver again",
      );
    }
    if (build.version.major < FIRST_MAJOR) {
      throw new KuasarError(
        "FAILED_PRECONDITION",
        `Cannot start a sandbox: ${build.text} is too old; install v${FIRST_MAJOR} or later`,
      );
    }
    return build;
  }
}

/** Cloud Hypervisor has no emulation: a build for KVM runs guests there or not at all. */
function accelOf(build: Build | undefined, facts: AccelFacts): { accel: Accel; notes: string[] } {
  if (build !== undefined && !build.features.includes("kvm")) {
    return { accel: "tcg", notes: [`${build.text} is built without KVM (${build.features.join(", ")})`] };
  }
  const { accel, notes } = chooseAccel("auto", facts);
  return accel === "kvm" ? { accel, notes } : {
    accel: "kvm",
    notes: notes.map((note) => note.replace(/:[^:]*$/, ": Cloud Hypervisor cannot run guests")),
  };
}

function eventPath({ paths }: Machine<CloudHypervisorControl>): string {
  return `${paths.dir}/events`;
}

/** What the VMM refuses while a VM is made is the end of this start. */
function refused(error: unknown): unknown {
  if (!(error instanceof KuasarError) || error.code !== "INTERNAL") return error;
  return new KuasarError("ABORTED", `Cannot start the VM: ${error.message}`, {
    cause: error,
    evidence: error.evidence,
  });
}
