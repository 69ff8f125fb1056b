import { message, waitForCri } from "../../lib/cri/mod.ts";
import { asKuasarError, KuasarError } from "../../lib/errors/mod.ts";
import { ListPodSandboxRequest } from "../../lib/proto/gen/runtime/v1/cri.ts";
import { type Container, type Node, type Pod } from "../harness/mod.ts";
import type { Random } from "./random.ts";

/** The keeper of the task server: the one process whose death costs running containers (docs/architecture.md). */
const SPARED = "kuasar-task";

/** One of so many rounds stops its process for a while instead of killing it. */
const STOPS = 4;
const LONGEST_STOP_MS = 5_000;

/** How long the node may take to be well again. */
const HEAL_TIMEOUT_MS = 120_000;
const HEAL_STEP_MS = 250;

/** What chaos does to a node. */
export interface ChaosOptions {
  rounds: number;
  random: Random;
  /** A process is hit at most so long after a pod's start has begun. */
  longestDelayMs: number;
  say(line: string): void;
}

/** What has been seen. */
export interface ChaosReport {
  /** Rounds in which a call failed, which is what killing is expected to do. */
  failedCalls: number;
  /** What must not be: empty where all is well. */
  faults: string[];
}

/**
 * Hits processes of a node at random moments of pods' lives: after each round a pod that was there before must run as if nothing
 * had happened, and every pod of the round must be removable.
 */
export async function runChaos(node: Node, options: ChaosOptions): Promise<ChaosReport> {
  const { rounds, random, say } = options;
  const report: ChaosReport = { failedCalls: 0, faults: [] };
  const image = await node.image("busybox");
  const kept = await node.runPod({ name: "kept" });
  const container = await kept.run({ name: "c", image, command: ["sleep", "1000000"] });
  for (let round = 1; round <= rounds; round++) {
    const victim = random.oneOf([...node.processes.keys()].filter((name) => name !== SPARED));
    const stopMs = random.upTo(STOPS - 1) === 0 ? random.upTo(LONGEST_STOP_MS) : undefined;
    const delayMs = random.upTo(options.longestDelayMs);
    const what = `${stopMs === undefined ? "kill" : `stop for ${stopMs} ms`} ${victim} after ${delayMs} ms`;
    const life = lifeOf(node, image, `round${round}`);
    const hit = after(delayMs).then(() => strike(node, victim, stopMs));
    const [outcome] = await Promise.all([life, hit]);
    if (outcome !== undefined) report.failedCalls++;
    const fault = await heal(node, kept, container);
    say(
      `${round}/${rounds} ${what}: ${outcome ?? "the pod lived and went"}${fault ? `; FAULT: ${fault}` : ""}`,
    );
    if (fault) report.faults.push(`round ${round} (${what}): ${fault}`);
  }
  await kept.remove();
  return report;
}

/** A pod from its start to its removal. @returns the first error, if any */
async function lifeOf(node: Node, image: string, name: string): Promise<string | undefined> {
  try {
    const pod = await node.runPod({ name });
    const container = await pod.run({ name: "c", image, command: ["sleep", "1000000"] });
    await container.exec(["true"]);
    await pod.remove();
    return undefined;
  } catch (error) {
    return asKuasarError(error).message;
  }
}

async function strike(node: Node, name: string, stopMs: number | undefined): Promise<void> {
  // It may be about to be started again.
  const pid = node.processes.get(name);
  if (pid === undefined) return;
  if (stopMs === undefined) return signal(pid, "SIGKILL");
  signal(pid, "SIGSTOP");
  await after(stopMs);
  signal(pid, "SIGCONT");
}

function signal(pid: number, name: Deno.Signal): void {
  try {
    Deno.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Waits until the kept pod is as it was and all others are removed. @returns what is still wrong when the time is over */
async function heal(node: Node, kept: Pod, container: Container): Promise<string | undefined> {
  const end = Date.now() + HEAL_TIMEOUT_MS;
  for (;;) {
    try {
      await waitForCri(node.containerdAddress, HEAL_TIMEOUT_MS);
      const { items } = await node.cri.runtime.listPodSandbox(message(ListPodSandboxRequest));
      for (const { id } of items.filter(({ id }) => id !== kept.id)) {
        await node.cri.runtime.stopPodSandbox({ podSandboxId: id });
        await node.cri.runtime.removePodSandbox({ podSandboxId: id });
      }
      if (!(await kept.isReady())) return "the kept pod is not ready any more";
      if (!(await container.isRunning())) return "the kept pod's container does not run any more";
      const { exitCode, stdout } = await container.shell("echo here");
      if (exitCode === 0 && stdout === "here\n") return undefined;
      throw new KuasarError("INTERNAL", `an exec answered ${exitCode} and ${JSON.stringify(stdout)}`);
    } catch (error) {
      if (Date.now() > end) return asKuasarError(error).message;
      await after(HEAL_STEP_MS);
    }
  }
}

const after = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
