import { asKuasarError, KuasarError } from "../../../lib/errors/mod.ts";
import { mount, MS } from "../../../lib/libc/mod.ts";
import type { StartRequest, StartResponse } from "../../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { PodSandboxConfig } from "../../../lib/proto/gen/runtime/v1/pod_sandbox_config.ts";
import { PhaseClock } from "../phases.ts";
import { preflight } from "../vm/preflight.ts";
import { superviseExit } from "./exit.ts";
import type { SandboxHost } from "./host.ts";
import { makeNamespaces, ownNamespaces } from "./namespaces.ts";
import { startPause } from "./pause.ts";
import { writePodFiles } from "./pod_files.ts";
import { removeSandbox } from "./remove.ts";
import type { Sandbox } from "./sandbox.ts";
import { sortSysctls } from "./sysctls.ts";

/** As containerd sizes the /dev/shm of a pod. */
const SHM_SIZE = "64m";

/**
 * Makes a sandbox: its namespaces, its files and shared memory, and where it shares PIDs the process that holds them. On failure
 * everything is undone before this throws.
 */
export async function startSandbox(
  host: SandboxHost,
  sandbox: Sandbox,
  request: StartRequest,
): Promise<StartResponse> {
  const { kind, records } = host;
  const clock = new PhaseClock();
  try {
    await clock.measure("preflight", () => preflight(kind.requirements()));
    records.put(sandbox.id, sandbox.record);
    await clock.measure("namespaces", () => makeParts(host, sandbox, request));
    if (sandbox.record.sharePid && !kind.ownKernel) {
      await clock.measure("pause", () => startPause(host, sandbox, request.oomScoreAdj));
    }
    await clock.measure("runtime", () => startOwn(host, sandbox, request));
    if (sandbox.abort.signal.aborted) throw givenUp(sandbox);
    sandbox.record = { ...sandbox.record, state: "RUNNING" };
    records.put(sandbox.id, sandbox.record);
    superviseExit(host, sandbox);
    return { pid: sandbox.process?.pid ?? 0, guest: undefined, phases: clock.list() };
  } catch (error) {
    const reason = sandbox.abort.signal.aborted
      ? givenUp(sandbox, error)
      : asKuasarError(error, "Cannot start the sandbox");
    await undo(host, sandbox);
    throw reason;
  }
}

async function startOwn(
  { kind, records }: SandboxHost,
  sandbox: Sandbox,
  request: StartRequest,
): Promise<void> {
  await kind.start?.({
    sandbox: sandbox.record,
    paths: sandbox.paths,
    request,
    signal: sandbox.abort.signal,
    note(process) {
      sandbox.record = { ...sandbox.record, process };
      records.put(sandbox.id, sandbox.record);
    },
  });
}

function makeParts(
  { kind }: SandboxHost,
  { record, paths }: Sandbox,
  { podConfig, files }: StartRequest,
): void {
  for (const dir of [paths.dir, paths.files, paths.containers, paths.runtime, paths.shm]) {
    Deno.mkdirSync(dir, { recursive: true, mode: 0o700 });
  }
  if (files.length > 0) writePodFiles(paths.files, files);
  if (kind.ownKernel) return;
  const own = ownNamespaces(record);
  const sysctls = sortSysctls(PodSandboxConfig.decode(podConfig).linux?.sysctls ?? {}, {
    net: record.netnsPath !== "",
    ipc: own.includes("ipc"),
    uts: own.includes("uts"),
  });
  makeNamespaces(record, paths, sysctls);
  if (!record.ownIpc) return;
  const flags = MS.NOSUID | MS.NODEV | MS.NOEXEC;
  mount({ source: "shm", target: paths.shm, type: "tmpfs", flags, data: `mode=1777,size=${SHM_SIZE}` });
}

function givenUp({ id }: Sandbox, cause?: unknown): KuasarError {
  return new KuasarError("ABORTED", `Cannot start sandbox ${id}: it was stopped meanwhile`, { cause });
}

async function undo(host: SandboxHost, sandbox: Sandbox): Promise<void> {
  try {
    // Not through the removal's own wait for this very start.
    sandbox.starting = Promise.resolve();
    await removeSandbox(host, sandbox);
  } catch (error) {
    const { message, evidence } = asKuasarError(error);
    host.log.error("A failed start left something behind", { sandbox: sandbox.id, error: message, evidence });
  }
}
