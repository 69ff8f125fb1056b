import { asKuasarError, KuasarError } from "../../lib/errors/mod.ts";
import { exists } from "../../lib/files/mod.ts";
import { CRI_ANNOTATION, parseSpec, stringifySpec } from "../../lib/oci/mod.ts";
import { NetlinkSocket } from "../../lib/netlink/deno_socket.ts";
import { isAlive, processRef, terminate } from "../../lib/process/mod.ts";
import { HostRuntime_Kind } from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import { PodSandboxConfig } from "../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";
import type {
  PreparedContainer,
  RuntimeChoice,
  SandboxKind,
  StartingSandbox,
} from "../contract/host/kind.ts";
import type { ContainerPaths, SandboxPaths } from "../contract/host/paths.ts";
import type { SandboxRecord } from "../contract/host/record.ts";
import { tailFile } from "../contract/tail.ts";
import { checkUnixPath } from "../contract/unix_path.ts";
import type { Requirement } from "../contract/vm/preflight.ts";
import { globalArgs, type RunscLogs } from "./command_line.ts";
import type { GvisorConfig } from "./config.ts";
import { joinedSpec } from "./container_spec.ts";
import { checkForGvisor, readNetwork } from "./network_limits.ts";
import { type MountHint, mountHints } from "./mount_hints.ts";
import { sandboxProcesses } from "./processes.ts";
import { enforceReadOnly } from "./read_only_volumes.ts";
import { controlSocket, rootIdOf } from "./root_id.ts";
import { type Restore, takePlace, wantedRestore } from "./restore.ts";
import { agentInRoot, followedLimits, PAUSE, rootSpec } from "./root_spec.ts";
import { runsc, type RunscCall } from "./runsc.ts";
import { removeFilestores, removeKeptNetns, removeState } from "./state_files.ts";
import { sysctlWrites } from "./sysctls.ts";
import { mustHideNetSysctls, type RunscVersion } from "./version.ts";

/** What old runscs must not see on new kernels. */
const NET_SYSCTLS = "/proc/sys/net";

const PANIC_LINES = 20;
const LOG_LINES = 8;

/** Pods under gVisor's kernel: one sandbox of runsc's each, with a first container that does nothing. */
export class GvisorKind implements SandboxKind {
  readonly name = "gvisor";
  readonly version: string;
  readonly notes: readonly string[];
  readonly capabilities = ["exec", "tty", "stats", "events", "pause", "oom", "checkpoint"];
  readonly ownKernel = true;
  readonly ownPidNamespaces = true;
  readonly pauseProgram: string;
  readonly #config: GvisorConfig;
  readonly #root: string;
  readonly #hidesNetSysctls: boolean;

  /**
   * @param root of runsc's state, one for all sandboxes; short, because sockets lie in it
   * @param notes what a person should know of the configuration
   */
  constructor(config: GvisorConfig, version: RunscVersion, root: string, notes: readonly string[]) {
    this.#config = config;
    this.version = version.text;
    this.notes = notes;
    this.pauseProgram = config.pausePath;
    this.#root = root;
    this.#hidesNetSysctls = mustHideNetSysctls(version);
  }

  requirements(): Requirement[] {
    const { runtimePath, pausePath } = this.#config;
    return [
      {
        what: "gVisor's runtime (runtime_path)",
        path: runtimePath,
        remedy: "`deno task setup`, or runsc of Debian trixie",
      },
      { what: "the agent (pause_path)", path: pausePath, remedy: "`deno task setup`" },
    ];
  }

  async start({ sandbox, paths, request, signal, note }: StartingSandbox): Promise<void> {
    checkUnixPath(controlSocket(this.#root, sandbox.id));
    this.#checkNetwork(sandbox);
    const pod = PodSandboxConfig.decode(request.podConfig);
    const restore = wantedRestore(pod.annotations, this.#config.checkpointDir);
    Deno.mkdirSync(this.#root, { recursive: true, mode: 0o700 });
    const bundle = rootBundle(paths);
    Deno.mkdirSync(bundle, { recursive: true, mode: 0o700 });
    const uid = pod.metadata?.uid ?? "";
    const hints = mountHints(pod.annotations, `${this.#config.kubeletDir}/pods/${uid}/volumes`);
    Deno.writeTextFileSync(hintsFile(paths), JSON.stringify(hints), { mode: 0o600 });
    const spec = rootSpec({
      sandbox,
      pod,
      pauseProgram: this.#config.pausePath,
      shm: paths.shm,
      cgroup: sandboxCgroup(sandbox),
      overheadBytes: this.#config.overheadBytes,
      hints,
    });
    Deno.writeTextFileSync(`${bundle}/config.json`, stringifySpec(spec), { mode: 0o600 });
    Deno.writeTextFileSync(limitsFile(paths), followedLimits(pod, this.#config.overheadBytes), {
      mode: 0o600,
    });
    const call: RunscCall = {
      command: this.#config.runtimePath,
      globalArgs: this.#globalArgs(sandbox),
      logs: logsOf(paths),
      sandboxDir: paths.dir,
      oomScoreAdj: request.oomScoreAdj,
      hidden: this.#hidesNetSysctls && sandbox.netnsPath !== "" ? NET_SYSCTLS : undefined,
      timeoutMs: this.#config.createTimeoutMs,
      signal,
    };
    const pidFile = `${bundle}/pid`;
    const rootId = rootIdOf(sandbox.id);
    await runsc(call, "create", "--bundle", bundle, "--pid-file", pidFile, rootId);
    note(processRef(Number(Deno.readTextFileSync(pidFile))));
    if (restore) {
      // Its sysctls are in the checkpoint, as all of its kernel.
      Deno.writeTextFileSync(restoreFile(paths), JSON.stringify(restore), { mode: 0o600 });
      return await runsc(call, "restore", "--detach", "--image-path", restore.image, rootId);
    }
    await runsc(call, "start", rootId);
    await this.#setSysctls(call, pod, rootId);
  }

  async stop({ id, process }: Readonly<SandboxRecord>, paths: SandboxPaths): Promise<void> {
    if (process && isAlive(process)) await terminate(process, { graceMs: 0 });
    for (const stray of sandboxProcesses(this.#root, rootIdOf(id))) await terminate(stray, { graceMs: 0 });
    removeState(this.#root, rootIdOf(id));
    removeKeptNetns(this.#root);
    for (const container of directories(paths.containers)) {
      removeFilestores(rootfsOf(`${paths.containers}/${container}`));
    }
  }

  runtime(container: PreparedContainer): RuntimeChoice {
    const { sandbox, sandboxPaths } = container;
    const before = parseSpec(Deno.readTextFileSync(`${container.bundle}/config.json`));
    const limits = sandbox.cgroup === "" ? "" : Deno.readTextFileSync(limitsFile(sandboxPaths));
    const { containerId } = container;
    const others = directories(sandboxPaths.containers).filter((id) => id !== containerId);
    const hints = readHints(sandboxPaths);
    const { shm } = sandboxPaths;
    const spec = joinedSpec(container.spec, before, { sandbox, containerId, others, shm, limits, hints });
    container.spec = { ...spec, mounts: enforceReadOnly(spec.mounts ?? [], container.paths.dir) };
    return {
      kind: HostRuntime_Kind.RUNSC,
      command: this.#config.runtimePath,
      globalArgs: this.#globalArgs(sandbox),
      taskSocket: controlSocket(this.#root, sandbox.id),
      // Of the sandbox: its containers have none of their own.
      cgroup: sandboxCgroup(sandbox),
      restoreImage: imageOf(
        sandboxPaths,
        container.spec.annotations?.[CRI_ANNOTATION.containerName],
        container.containerId,
      ),
    };
  }

  release(_sandbox: Readonly<SandboxRecord>, { dir }: ContainerPaths): void {
    removeFilestores(rootfsOf(dir));
  }

  async lastWords(_sandbox: Readonly<SandboxRecord>, paths: SandboxPaths): Promise<string[]> {
    const { log, panic } = logsOf(paths);
    const lines = async (mark: string, path: string, count: number) =>
      (await tailFile(path, count).catch(() => [])).map((line) => `${mark}: ${line}`);
    return [...await lines("panic", panic, PANIC_LINES), ...await lines("runsc", log, LOG_LINES)];
  }

  /** gVisor's kernel has few settings, and only a process in the sandbox can write them. */
  async #setSysctls(call: RunscCall, { linux }: PodSandboxConfig, rootId: string): Promise<void> {
    const writes = sysctlWrites(linux?.sysctls ?? {});
    if (writes.length === 0) return;
    try {
      await runsc(
        call,
        "exec",
        "--user",
        "0",
        rootId,
        agentInRoot(this.#config.pausePath),
        PAUSE,
        "set",
        ...writes,
      );
    } catch (error) {
      const own = asKuasarError(error);
      if (own.code !== "ABORTED" || call.signal.aborted) throw own;
      const names = Object.keys(linux?.sysctls ?? {}).join(", ");
      throw new KuasarError(
        "INVALID_ARGUMENT",
        `Cannot set the sysctls ${names}: gVisor's kernel does not take them`,
        {
          cause: error,
          evidence: own.evidence,
        },
      );
    }
  }

  /** Of one with gVisor's own network; in others the host's kernel has all of it. */
  #checkNetwork({ netnsPath }: Readonly<SandboxRecord>): void {
    if (netnsPath === "" || this.#config.network !== "sandbox") return;
    using netlink = new NetlinkSocket({ netns: netnsPath });
    checkForGvisor(readNetwork(netlink));
  }

  #globalArgs(sandbox: Readonly<SandboxRecord>): string[] {
    const own = { ownNetwork: sandbox.netnsPath !== "", ownCgroup: sandbox.cgroup !== "" };
    return globalArgs(this.#config, this.#root, own);
  }
}

/** What the pod's annotations say of its volumes. */
function hintsFile({ dir }: SandboxPaths): string {
  return `${dir}/hints.json`;
}

/** Pods that were started before there were hints have no file. */
function readHints(paths: SandboxPaths): MountHint[] {
  return exists(hintsFile(paths)) ? JSON.parse(Deno.readTextFileSync(hintsFile(paths))) : [];
}

/** Of the sandbox's first container. */
function rootBundle({ dir }: SandboxPaths): string {
  return `${dir}/root`;
}

/** Which limits follow the containers'. */
function limitsFile(paths: SandboxPaths): string {
  return `${rootBundle(paths)}/limits`;
}

/** How the sandbox is being restored, where it is. */
function restoreFile(paths: SandboxPaths): string {
  return `${rootBundle(paths)}/restore.json`;
}

/** The checkpoint from which a container goes on; empty for one that starts. Noted before it is told. */
function imageOf(paths: SandboxPaths, name: string | undefined, containerId: string): string {
  const file = restoreFile(paths);
  if (!exists(file)) return "";
  const restore: Restore = JSON.parse(Deno.readTextFileSync(file));
  const image = takePlace(restore, name, containerId);
  if (image !== "") Deno.writeTextFileSync(file, JSON.stringify(restore), { mode: 0o600 });
  return image;
}

/** All of a sandbox's processes are in one cgroup, below the pod's. */
function sandboxCgroup({ cgroup }: Readonly<SandboxRecord>): string {
  return cgroup === "" ? "" : `${cgroup}/gvisor`;
}

function logsOf({ dir }: SandboxPaths): RunscLogs {
  return { log: `${dir}/runsc.log`, panic: `${dir}/panic.log` };
}

/** The root file system of a container, which may be a directory of the caller's. */
function rootfsOf(containerDir: string): string {
  try {
    return parseSpec(Deno.readTextFileSync(`${containerDir}/config.json`)).root?.path ??
      `${containerDir}/rootfs`;
  } catch {
    return `${containerDir}/rootfs`;
  }
}

function directories(path: string): string[] {
  try {
    return [...Deno.readDirSync(path)].filter(({ isDirectory }) => isDirectory).map(({ name }) => name);
  } catch {
    return [];
  }
}
