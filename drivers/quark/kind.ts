import { cgroupFolders } from "../../lib/cgroups/mod.ts";
import { formatDuration, KuasarError } from "../../lib/errors/mod.ts";
import { withNetns } from "../../lib/libc/mod.ts";
import { bindMount, openPath } from "../../lib/mounts/mod.ts";
import { type Mount, stringifySpec } from "../../lib/oci/mod.ts";
import {
  isAlive,
  killProcess,
  type ProcessRef,
  processRef,
  spawnWithFds,
  terminate,
} from "../../lib/process/mod.ts";
import { HostRuntime_Kind } from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import { PodSandboxConfig } from "../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";
import type {
  PreparedContainer,
  RuntimeChoice,
  SandboxKind,
  StartingSandbox,
} from "../contract/host/kind.ts";
import { sortSysctls, writeSysctls } from "../contract/host/sysctls.ts";
import { podResources } from "../contract/host/pod_resources.ts";
import type { SandboxPaths } from "../contract/host/paths.ts";
import type { SandboxRecord } from "../contract/host/record.ts";
import { SANDBOX_VARIABLE } from "../contract/stray_processes.ts";
import { checkUnixPath } from "../contract/unix_path.ts";
import type { ProgramVersion } from "../contract/program_version.ts";
import type { Requirement } from "../contract/vm/preflight.ts";
import { waitForFile } from "../contract/wait_for_file.ts";
import { bindVolumes, sealRootfs } from "./bind_volumes.ts";
import { pidIn, sandboxArgs } from "./command_line.ts";
import type { QuarkDriverConfig } from "./config.ts";
import { configProblem } from "./quark_config.ts";
import { limitCgroup } from "./limit_cgroup.ts";
import { untilServing } from "./serving.ts";
import { containerPlan, sandboxSpec } from "./specs.ts";

/** Pods in Quark's virtual machines, which serve containerd's Task API themselves. */
export class QuarkKind implements SandboxKind {
  readonly name = "quark";
  readonly version: string;
  readonly notes: readonly string[] = [];
  readonly capabilities = ["exec", "tty"];
  readonly ownKernel = true;
  readonly pauseProgram = "";
  readonly #config: QuarkDriverConfig;
  readonly #sockets: string;

  /** @param sockets directory of all sandboxes' task sockets; short, because paths of sockets are */
  constructor(config: QuarkDriverConfig, { version, notes }: ProgramVersion, sockets: string) {
    this.#config = config;
    this.version = version;
    this.notes = notes;
    this.#sockets = sockets;
  }

  requirements(): Requirement[] {
    const remedy = "build it, `deno task setup` cannot: docs/quark.md";
    return [{ what: "Quark (quark_path)", path: this.#config.quarkPath, remedy }];
  }

  async start({ sandbox, paths, request, signal, note }: StartingSandbox): Promise<void> {
    this.#checkConfig();
    const taskSocket = this.#taskSocket(sandbox.id);
    const bundle = bundleOf(paths);
    const pidFile = `${paths.dir}/pid`;
    const pod = PodSandboxConfig.decode(request.podConfig);
    const resources = podResources(pod, this.#config.overheadBytes);
    setSysctls(pod.linux?.sysctls ?? {}, sandbox.netnsPath);
    Deno.mkdirSync(this.#sockets, { recursive: true, mode: 0o700 });
    Deno.writeTextFileSync(`${bundle}/config.json`, stringifySpec(sandboxSpec(sandbox, resources)), {
      mode: 0o600,
    });
    // Quark writes over what is there without cutting off the rest.
    for (const stale of [pidFile, taskSocket]) remove(stale);
    limitCgroup(sandbox.cgroup, resources);
    await this.#run(sandboxArgs({ id: sandbox.id, bundle, taskSocket, pidFile }), bundle, {
      sandboxDir: paths.dir,
      cgroup: sandbox.cgroup,
      oomScoreAdj: request.oomScoreAdj,
      signal,
    });
    const pid = pidIn(Deno.readTextFileSync(pidFile));
    if (pid === undefined) {
      throw new KuasarError("ABORTED", "Cannot start the sandbox: quark has written no pid");
    }
    const process = refOf(pid);
    note(process);
    await waitForFile(taskSocket, this.#config.startTimeoutMs, signal);
    try {
      await untilServing(taskSocket, this.#config.startTimeoutMs, () => isAlive(process));
    } catch (cause) {
      if (isAlive(process)) throw cause;
      throw new KuasarError("ABORTED", "Cannot start the sandbox: quark ended at once; its log says why", {
        cause,
      });
    }
  }

  async stop({ id, process }: Readonly<SandboxRecord>, _paths: SandboxPaths): Promise<void> {
    if (process && isAlive(process)) await terminate(process, { graceMs: 0 });
    remove(this.#taskSocket(id));
  }

  runtime(container: PreparedContainer): RuntimeChoice {
    const { sandbox, sandboxPaths, containerId, paths } = container;
    const { rootfs } = paths;
    if (container.rootfs !== rootfs) {
      // A directory of the caller's: the sandbox sees nothing but what is mounted below its own root.
      using source = openPath(container.rootfs);
      bindMount(source, rootfs, { recursive: true, attributes: 0 });
    }
    const { spec, binds } = containerPlan(container.spec, containerId, {
      shm: sandboxPaths.shm,
      hostname: sandbox.hostname,
    });
    container.spec = spec;
    bindVolumes(binds.filter((bind) => !isMissingPodFile(bind, sandboxPaths)), rootfs);
    if (spec.root?.readonly) sealRootfs(spec.mounts ?? [], rootfs);
    return {
      kind: HostRuntime_Kind.TASK_SERVER,
      command: this.#config.quarkPath,
      globalArgs: [],
      taskSocket: this.#taskSocket(sandbox.id),
      cgroup: sandbox.cgroup,
    };
  }

  #taskSocket(sandboxId: string): string {
    return checkUnixPath(`${this.#sockets}/${sandboxId}.sock`);
  }

  /** @throws KuasarError FAILED_PRECONDITION saying what is wrong with Quark's own configuration */
  #checkConfig(): void {
    const path = this.#config.configPath;
    let text: string | undefined;
    try {
      text = Deno.readTextFileSync(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    const problem = configProblem(text);
    if (problem === undefined) return;
    throw new KuasarError(
      "FAILED_PRECONDITION",
      `Cannot start a sandbox: Quark's configuration ${path} ${problem}`,
    );
  }

  /**
   * Runs quark, whose process ends when it has started the sandbox's. Both are in the pod's cgroup: Quark leaves cgroups alone
   * (`DisableCgroup`), so the pod's limits are the host's to enforce.
   */
  async #run(
    args: string[],
    cwd: string,
    { sandboxDir, cgroup, oomScoreAdj, signal }: {
      sandboxDir: string;
      cgroup: string;
      oomScoreAdj: number | undefined;
      signal: AbortSignal;
    },
  ): Promise<void> {
    const { quarkPath, startTimeoutMs } = this.#config;
    const child = await spawnWithFds(quarkPath, args, {
      cwd,
      env: { PATH: "/usr/local/bin:/usr/bin:/bin", [SANDBOX_VARIABLE]: sandboxDir },
      cgroups: cgroup === "" ? [] : cgroupFolders(cgroup),
      oomScoreAdj,
      // Its memory is its containers'.
      noCore: true,
    });
    const slow = AbortSignal.timeout(startTimeoutMs);
    const kill = () => killProcess(child.ref, "SIGKILL");
    const either = AbortSignal.any([slow, signal]);
    either.addEventListener("abort", kill, { once: true });
    if (either.aborted) kill();
    const { code } = await child.exited;
    either.removeEventListener("abort", kill);
    if (signal.aborted) throw new KuasarError("ABORTED", "Cannot start the sandbox: it was given up");
    if (code === 0) return;
    const why = slow.aborted
      ? `took more than ${formatDuration(startTimeoutMs)}`
      : `ended with code ${code}; its log says why`;
    throw new KuasarError(
      slow.aborted ? "DEADLINE_EXCEEDED" : "ABORTED",
      `Cannot start the sandbox: quark ${why}`,
    );
  }
}

/** The sandbox's root: each container has its bundle in it. */
function bundleOf({ containers }: SandboxPaths): string {
  return containers;
}

/** Quark's sockets are the host's, in the pod's network namespace; all else of its kernel cannot be set. */
function setSysctls(sysctls: Readonly<Record<string, string>>, netnsPath: string): void {
  const { net } = sortSysctls(sysctls, { net: netnsPath !== "", ipc: false, uts: false });
  if (net.length > 0) withNetns(netnsPath, () => writeSysctls(net));
}

/** A sandbox that was started without its pod's files has none to be seen. */
function isMissingPodFile({ source = "" }: Mount, { files }: SandboxPaths): boolean {
  if (!source.startsWith(`${files}/`)) return false;
  try {
    Deno.statSync(source);
    return false;
  } catch {
    return true;
  }
}

function refOf(pid: number): ProcessRef {
  try {
    return processRef(pid);
  } catch (cause) {
    throw new KuasarError("ABORTED", "Cannot start the sandbox: quark ended at once; its log says why", {
      cause,
    });
  }
}

function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
