import { asKuasarError, KuasarError } from "../../../lib/errors/mod.ts";
import { containerConfig, type ContainerOptions, type Cri, podConfig } from "../../../lib/cri/mod.ts";
import { CreateContainerRequest } from "../../../lib/proto/gen/runtime/v1/cri.ts";
import { message } from "../../../lib/cri/mod.ts";
import { exitOf } from "./exit_of.ts";
import { FollowedLog } from "./follow_log.ts";
import type { Interruption } from "./interruption.ts";
import { joinPipes, joinTerminal } from "./streams.ts";

/** The namespace of the pods that `run` makes: who finds one left knows whose it was. */
export const RUN_NAMESPACE = "kuasar-ctl";

/** A guest may be emulated, and its host busy. */
const POD_TIMEOUT_MS = 400_000;
const REMOVE_TIMEOUT_MS = 120_000;

/** How long a program has after a signal. */
const GRACE_S = 5n;

/** What `run` runs. */
export interface RunPlan {
  name: string;
  /** Of containerd's configuration. */
  handler: string;
  container: Omit<ContainerOptions, "name" | "logPath">;
  /** A folder of our own, for the log. */
  directory: string;
}

/**
 * Runs one container in a pod of its own, joined with our stdio, and removes everything.
 *
 * @returns its exit code
 * @throws KuasarError
 */
export async function runInPod(cri: Cri, plan: RunPlan, interruption: Interruption): Promise<number> {
  const { name, handler, container, directory } = plan;
  const { memoryLimitBytes, cpuQuotaUs } = container;
  const config = podConfig({
    name,
    namespace: RUN_NAMESPACE,
    logDirectory: directory,
    resources: { ...(memoryLimitBytes && { memoryLimitBytes }), ...(cpuQuotaUs && { cpuQuotaUs }) },
  });
  using log = new FollowedLog(`${directory}/${name}.log`);
  const podSandboxId = await startPod(cri, { config, runtimeHandler: handler });
  try {
    interruption.asked.throwIfAborted();
    const { containerId } = await cri.runtime.createContainer(
      message(CreateContainerRequest, {
        podSandboxId,
        config: containerConfig(config, { ...container, name }),
        sandboxConfig: config,
      }),
      { timeoutMs: POD_TIMEOUT_MS },
    );
    interruption.asked.throwIfAborted();
    await cri.runtime.startContainer({ containerId }, { timeoutMs: POD_TIMEOUT_MS });
    return await joined(cri, containerId, plan, log, interruption);
  } finally {
    await removePod(cri, podSandboxId, name);
  }
}

/** Joins the container until it has ended. */
async function joined(
  cri: Cri,
  containerId: string,
  { container }: RunPlan,
  log: FollowedLog,
  interruption: Interruption,
): Promise<number> {
  const ended = exitOf(cri, containerId);
  ended.catch(() => {});
  const stop = (timeout: bigint) =>
    void cri.runtime.stopContainer({ containerId, timeout }, { timeoutMs: REMOVE_TIMEOUT_MS }).catch(
      () => {},
    );
  const ask = () => stop(GRACE_S), demand = () => stop(0n);
  interruption.asked.addEventListener("abort", ask);
  interruption.demanded.addEventListener("abort", demand);
  // It came while the container was started.
  if (interruption.asked.aborted) ask();
  const { stdin = false, tty } = container;
  const join = tty ? joinTerminal : joinPipes;
  try {
    await join({ cri, containerId, log, stdin, ended });
    return (await ended).exitCode;
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    // Whoever read our output has seen enough, as `head`: 128 + SIGPIPE.
    return 141;
  } finally {
    interruption.asked.removeEventListener("abort", ask);
    interruption.demanded.removeEventListener("abort", demand);
  }
}

async function startPod(cri: Cri, request: Parameters<Cri["runtime"]["runPodSandbox"]>[0]): Promise<string> {
  try {
    return (await cri.runtime.runPodSandbox(request, { timeoutMs: POD_TIMEOUT_MS })).podSandboxId;
  } catch (cause) {
    const { code, message, evidence } = asKuasarError(cause);
    throw new KuasarError(code, message, {
      cause,
      evidence: [...evidence, '"kuasar-ctl check" says what this host lacks for this kind of pod'],
    });
  }
}

/** Stops and removes a pod of `run`. @throws KuasarError saying how to do it by hand */
export async function removePod(cri: Cri, podSandboxId: string, name: string): Promise<void> {
  try {
    await cri.runtime.stopPodSandbox({ podSandboxId }, { timeoutMs: REMOVE_TIMEOUT_MS });
    await cri.runtime.removePodSandbox({ podSandboxId }, { timeoutMs: REMOVE_TIMEOUT_MS });
  } catch (cause) {
    const { code, message } = asKuasarError(cause);
    throw new KuasarError(code, `Cannot remove the pod ${name} (${podSandboxId}): ${message}`, {
      cause,
      evidence: ['again: "kuasar-ctl gc --remove"'],
    });
  }
}
