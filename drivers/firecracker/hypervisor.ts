import { KuasarError } from "../../lib/errors/mod.ts";
import { closeFd } from "../../lib/libc/mod.ts";
import type { SpawnedProcess } from "../../lib/process/mod.ts";
import type { StartRequest } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { ShareKind } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { ConsolePump } from "../contract/console_pump.ts";
import { makePipe } from "../contract/named_pipe.ts";
import type { ProgramVersion } from "../contract/program_version.ts";
import { type Accel, type AccelFacts, chooseAccel } from "../contract/vm/accel.ts";
import type { Reconnected } from "../contract/vm/control.ts";
import { guestRequirements } from "../contract/vm/guest_config.ts";
import type { Hypervisor, Launch } from "../contract/vm/hypervisor.ts";
import { shown, type View } from "../contract/vm/jail_root.ts";
import type { Machine } from "../contract/vm/machine.ts";
import type { Requirement } from "../contract/vm/preflight.ts";
import { OWN_TAPS, PLAIN } from "../contract/vm/rights.ts";
import { spawnVmm } from "../contract/vm/spawn.ts";
import type { SandboxPaths } from "../contract/sandbox_paths.ts";
import { waitForFile } from "../contract/wait_for_file.ts";
import { FirecrackerApi } from "./api.ts";
import { buildArguments } from "./command_line.ts";
import type { FirecrackerConfig } from "./config.ts";
import { FirecrackerControl } from "./control.ts";
import { DISKS, EMPTY } from "./drive_paths.ts";
import { checkRequest, planVm, type VmPlan } from "./plan.ts";
import { disksOfSnapshot, stageSnapshot } from "./snapshot.ts";
import { atLeast, type Build, FIRST, versionNotes } from "./version.ts";

/** A VMM that does not answer within this time is taken for hung; the VM is adopted without it. */
const RECONNECT_TIMEOUT_MS = 3_000;

/** Between the making of a socket and the listening there is nothing that could be waited for. */
const LISTEN_RETRY_MS = 1;

/** Firecracker behind the steps that all VM drivers share. */
export class Firecracker implements Hypervisor<FirecrackerControl> {
  readonly name = "firecracker";
  readonly title = "Firecracker";
  readonly version: string;
  /** It has no emulation: guests run on KVM or not at all. */
  readonly accel: Accel = "kvm";
  readonly notes: readonly string[];
  readonly shareKind = ShareKind.BLOCK;
  readonly capabilities: readonly string[];
  readonly controlSocket = "api.sock";
  readonly ownSockets = true;
  readonly vsock = "hybrid";
  readonly memoryMib: number;
  readonly vcpus: number;
  readonly launcherPath: string;
  readonly bootTimeoutMs: number;
  readonly #config: FirecrackerConfig;
  readonly #build: Build | undefined;
  /** Why the program has told no version, where that is known. */
  readonly #silence: string | undefined;

  /** @param program undefined where it does not tell what it is */
  constructor(config: FirecrackerConfig, program: ProgramVersion<Build | undefined>, facts: AccelFacts) {
    const build = program.version;
    const { notes } = chooseAccel("auto", facts);
    this.#config = config;
    this.#build = build;
    this.#silence = program.notes[0];
    this.version = build?.text ?? "";
    this.notes = [
      ...notes.map((note) => note.replace(/:[^:]*$/, ": Firecracker cannot run guests")),
      ...program.notes,
      ...(build ? versionNotes(build) : []),
    ];
    this.capabilities = [
      ...["hotplug-block", "pause", "vsock-hybrid", "single-queue-nics"],
      ...(config.balloon ? ["resize"] : []),
      // Huge pages are read back by a helper only, which is not here.
      ...(config.hugepages ? [] : ["snapshot"]),
    ];
    this.memoryMib = config.guest.memoryMib;
    this.vcpus = config.guest.vcpus;
    this.launcherPath = config.guest.launcherPath;
    this.bootTimeoutMs = config.guest.bootTimeoutMs;
  }

  checkRequest(request: StartRequest): void {
    checkRequest(request, this.#config);
  }

  requirements(): Requirement[] {
    const { path, guest } = this.#config;
    return [
      { what: "Firecracker (path)", path, remedy: "install it; `deno task setup` brings all the rest" },
      ...guestRequirements(guest),
    ];
  }

  async launch(launch: Launch<FirecrackerControl>): Promise<SpawnedProcess> {
    const { host, machine, request, clock } = launch;
    this.#checkBuild();
    const { vmDir } = machine.paths;
    await Deno.writeFile(`${vmDir}/${EMPTY}`, new Uint8Array(0), { mode: 0o600 });
    await Deno.mkdir(`${vmDir}/${DISKS}`, { mode: 0o700 });
    const view = await this.#view(launch);
    const args = buildArguments(this.#config, machine.id, machine.paths.monitor);
    machine.abort.signal.throwIfAborted();
    // It opens its taps by their names, so it must be where they are.
    const place = request.nics[0]
      ? { netns: request.nics[0].netnsPath, rights: OWN_TAPS }
      : { rights: PLAIN };
    return await clock.measure(
      "spawn",
      () => spawnVmm(host, machine, { command: this.#config.path, args, fds: [], view, ...place }),
    );
  }

  /** What it opens by name. The links to disks, by which this driver knows what is plugged in, it cannot change. */
  async #view({ machine: { paths: { vmDir } }, snapshot }: Launch<FirecrackerControl>): Promise<View> {
    const { kernelPath, initrdPath, imagePath } = this.#config.guest;
    return {
      cwd: vmDir,
      always: [...shown("write", [vmDir]), ...shown("read", [`${vmDir}/${DISKS}`])],
      atStart: [
        ...shown("read", [kernelPath, initrdPath, imagePath, snapshot?.directory ?? ""]),
        ...shown("device", ["/dev/kvm", "/dev/net/tun"]),
        ...(snapshot ? await disksOfSnapshot(snapshot) : []),
      ],
    };
  }

  async connect(launch: Launch<FirecrackerControl>): Promise<FirecrackerControl> {
    const { machine, request, snapshot, clock } = launch;
    const { paths, record } = machine;
    const api = new FirecrackerApi(paths.monitor);
    try {
      await clock.measure("vmm", () => untilServing(api, machine, this.bootTimeoutMs));
      // Open until the VMM has it open too: before that the pump would find its end.
      const console = makeConsole(paths);
      try {
        machine.console = await ConsolePump.connect(paths.consoleSocket, paths.console);
        const plan = planVm(request, this.#config, paths);
        if (snapshot) {
          const saved = await stageSnapshot(snapshot, request, paths.vmDir);
          // Where the console goes is the one thing that no snapshot says.
          await api.setSerial(plan.serial);
          await clock.measure("vm", () => api.loadSnapshot(saved));
        } else {
          await clock.measure("configure", () => configure(api, plan));
          await clock.measure("vm", () => api.start(this.bootTimeoutMs));
        }
      } finally {
        closeFd(console);
      }
      return await FirecrackerControl.open(api, paths, record.vmm!, this.bootTimeoutMs);
    } catch (error) {
      api.close();
      throw refused(error);
    }
  }

  async reconnect({ paths, record }: Machine<FirecrackerControl>): Promise<Reconnected<FirecrackerControl>> {
    const api = new FirecrackerApi(paths.monitor);
    try {
      const { state } = await api.info(RECONNECT_TIMEOUT_MS);
      const control = await FirecrackerControl.open(api, paths, record.vmm!, RECONNECT_TIMEOUT_MS);
      return { control, state: state === "Paused" ? "PAUSED" : "RUNNING" };
    } catch (error) {
      api.close();
      throw error;
    }
  }

  #checkBuild(): void {
    const build = this.#build;
    if (build === undefined) {
      throw new KuasarError(
        "FAILED_PRECONDITION",
        `Cannot start a sandbox: ${this.#silence ?? `${this.#config.path} does not tell its version`}; ` +
          "check that it is Firecracker, and start this driver again",
      );
    }
    if (!atLeast(build, FIRST)) {
      throw new KuasarError(
        "FAILED_PRECONDITION",
        `Cannot start a sandbox: ${build.text} is too old; install ${FIRST.major}.${FIRST.minor} or later`,
      );
    }
  }
}

/**
 * Makes the named pipe for the console. Elsewhere first, and with both ends open: whoever watches a directory (`waitForFile`)
 * opens what appears in it, and would wait for ever for the other end of a pipe.
 *
 * @returns the descriptor that holds both ends
 */
function makeConsole(paths: SandboxPaths): number {
  const fresh = `${paths.vmDir}/${DISKS}/.console`;
  const fd = makePipe(fresh);
  Deno.renameSync(fresh, paths.consoleSocket);
  return fd;
}

/** Waits for the API, whose socket is there a moment before somebody listens. @throws {KuasarError} */
async function untilServing(
  api: FirecrackerApi,
  machine: Machine<FirecrackerControl>,
  timeoutMs: number,
): Promise<void> {
  const until = performance.now() + timeoutMs;
  await waitForFile(machine.paths.monitor, timeoutMs, machine.abort.signal);
  for (;;) {
    try {
      await api.info(timeoutMs);
      return;
    } catch (error) {
      const early = error instanceof KuasarError && error.code === "UNAVAILABLE";
      if (!early || machine.exiting || machine.abort.signal.aborted || performance.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, LISTEN_RETRY_MS));
    }
  }
}

/** Tells a VMM what its VM is made of, in an order in which the guest finds its devices. */
async function configure(api: FirecrackerApi, plan: VmPlan): Promise<void> {
  await api.setMachine(plan.machine);
  await api.setBootSource(plan.bootSource);
  for (const drive of plan.drives) await api.setDrive(drive);
  for (const nic of plan.nics) await api.setNetworkInterface(nic);
  await api.setVsock(plan.vsock);
  if (plan.entropy) await api.setEntropy();
  if (plan.balloon) await api.setBalloon(plan.balloon);
  await api.setSerial(plan.serial);
}

/** What the VMM refuses while a VM is made is the end of this start. */
function refused(error: unknown): unknown {
  if (!(error instanceof KuasarError) || error.code !== "INTERNAL") return error;
  return new KuasarError("ABORTED", `Cannot start the VM: ${error.message}`, {
    cause: error,
    evidence: error.evidence,
  });
}
