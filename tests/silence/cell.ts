import { message } from "../../lib/cri/mod.ts";
import { asKuasarError, KuasarError } from "../../lib/errors/mod.ts";
import { ListPodSandboxRequest } from "../../lib/proto/gen/runtime/v1/cri.ts";
import type { Container, Node, Pod } from "../harness/mod.ts";
import { CALLS, type Life, listStats, RUN_POD } from "./calls.ts";
import { type Ids, processesOf, type Victim } from "./victims.ts";

/** What is promised of StopPodSandbox whatever stands still (docs/decisions/silent-guests.md). */
const STOP_MS = 60_000;
/** A pod whose start hangs is given up by its caller after so long. */
const START_MS = 30_000;
/** How long what serves the whole node stands still. */
const PAUSE_MS = 5_000;
/** Nobody may wait for a silent pod as long as a call to it does (answer_times.ts). */
const NEIGHBOUR_MS = 15_000;
/** Times are those of a calm host; a busy one is given so many times what the same call took just before. */
const FACTOR = 10;

/** How long processes may take to be gone once their pod is. */
const END_TIMEOUT_MS = 60_000;
const END_STEP_MS = 200;

/** Calls that stop a pod themselves. */
const ENDING: ReadonlySet<string> = new Set(["StopPodSandbox", "RemovePodSandbox"]);

/** A pod that is looked at while another one's process stands still. */
export interface Neighbour {
  pod: Pod;
  container: Container;
}

/** What a cell has shown. */
export interface Cell {
  /** The longest that a call of the neighbour took, before and meanwhile. */
  neighbourMs: readonly [before: number, meanwhile: number];
  /** How long StopPodSandbox took; 0 where there was no pod to stop. */
  stopMs: number;
  /** How the call ended, in a few words. */
  outcome: string;
  /** Empty where all is well. */
  faults: string[];
}

async function timed(call: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await call();
  return performance.now() - began;
}

/** Calls of the neighbour, one after the other. @returns the longest in ms */
async function ask(node: Node, { container, pod }: Neighbour): Promise<number> {
  const calls = [
    () => container.exec(["true"]),
    () => container.stats(),
    async () => {
      if (!(await listStats(node)).includes(container.id)) {
        throw new KuasarError("NOT_FOUND", `the neighbour ${pod.id} is missing in the list of statistics`);
      }
    },
  ];
  let longest = 0;
  for (const call of calls) longest = Math.max(longest, await timed(call));
  return longest;
}

function signal(pids: readonly number[], name: Deno.Signal): void {
  for (const pid of pids) {
    try {
      Deno.kill(pid, name);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

const after = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

const told = (call: Promise<unknown>) =>
  call.then(() => "ok", (error) => asKuasarError(error).message.split("\n")[0]!.slice(0, 90));

/** A pod with two containers. */
async function live(node: Node, name: string): Promise<Life> {
  const image = await node.image("busybox");
  const command = ["sleep", "1000"];
  const pod = await node.runPod({ name, sharePid: true });
  const running = await pod.run({ name: "running", image, command });
  return { node, image, pod, running, created: await pod.create({ name: "created", image, command }) };
}

/** Waits for the victim of a pod that is starting, the only new one; none where the start is over before. */
async function victimOfStart(
  node: Node,
  victim: Victim,
  earlier: ReadonlySet<string>,
  starting: Promise<string>,
): Promise<number[]> {
  let over = false;
  void starting.then(() => over = true);
  while (!over) {
    const ids = [...node.ids].filter((id) => !earlier.has(id));
    for (const pod of victim.ofNode ? [""] : ids) {
      const pids = victim.find(node, { pod, containers: [] });
      if (pids.length > 0) return pids;
    }
    await after(5);
  }
  return [];
}

/** What is left of a pod's processes, which end a moment after the answer. */
async function lastProcesses(node: Node, ids: Ids): Promise<string[]> {
  const end = Date.now() + END_TIMEOUT_MS;
  for (;;) {
    const left = [...processesOf(node, ids).values()];
    if (left.length === 0 || Date.now() > end) return left;
    await after(END_STEP_MS);
  }
}

async function podsNamed(node: Node, name: string): Promise<string[]> {
  const { items } = await node.cri.runtime.listPodSandbox(message(ListPodSandboxRequest));
  return items.filter(({ metadata }) => metadata?.name === name).map(({ id }) => id);
}

/**
 * Stops a process at a call and sees what others notice, and whether the pod can be got rid of.
 *
 * @returns undefined where there is no such process here
 */
export async function runCell(
  node: Node,
  neighbour: Neighbour,
  victim: Victim,
  call: string,
  name: string,
): Promise<Cell | undefined> {
  const life = call === RUN_POD ? undefined : await live(node, name);
  const ids: Ids | undefined = life && { pod: life.pod.id, containers: [life.running.id, life.created.id] };
  const before = await ask(node, neighbour);
  const faults: string[] = [];
  let under: Promise<string>;
  let pids: number[];
  if (life && ids) {
    pids = victim.find(node, ids);
    if (pids.length === 0) {
      await life.pod.remove();
      return undefined;
    }
    signal(pids, "SIGSTOP");
    under = told(CALLS[call]!(life));
  } else {
    const earlier = new Set(node.ids);
    under = told(node.runPod({ name, sharePid: true }, victim.ofNode ? undefined : START_MS));
    pids = await victimOfStart(node, victim, earlier, under);
    signal(pids, "SIGSTOP");
  }
  const since = performance.now();
  // Whose calls go through what stands still has to wait for it; to have lost nothing is enough.
  const meanwhile = victim.carriesCalls ? 0 : await ask(node, neighbour).catch((error) => {
    faults.push(`the neighbour: ${asKuasarError(error).message}`);
    return 0;
  });
  if (meanwhile > NEIGHBOUR_MS + FACTOR * before) {
    faults.push(`the neighbour waited for ${Math.round(meanwhile)} ms, before ${Math.round(before)} ms`);
  }
  if (victim.ofNode) {
    await after(Math.max(0, PAUSE_MS - (performance.now() - since)));
    signal(pids, "SIGCONT");
    await under;
  }
  // A caller that has given up a start sees what there is of the pod, as a kubelet does.
  if (!life) await under;
  const pods = life ? [life.pod.id] : await podsNamed(node, name);
  let stopMs = 0;
  // Two that stop one pod at once are containerd's affair: it has CNI take the network away twice.
  if (ENDING.has(call)) stopMs = await under.then(() => performance.now() - since);
  for (const podSandboxId of pods) {
    const stop = async () => void await node.cri.runtime.stopPodSandbox({ podSandboxId });
    try {
      stopMs = Math.max(stopMs, await timed(stop));
      await node.cri.runtime.removePodSandbox({ podSandboxId });
    } catch (error) {
      faults.push(`the pod cannot be removed: ${asKuasarError(error).message}`);
    }
  }
  if (stopMs > STOP_MS + FACTOR * before) faults.push(`StopPodSandbox took ${Math.round(stopMs)} ms`);
  const outcome = await under;
  for (const pod of pods) {
    const left = await lastProcesses(node, { pod, containers: ids?.containers ?? [] });
    if (left.length > 0) faults.push(`processes are left: ${left.join(", ")}`);
  }
  if (!await neighbour.pod.isReady()) faults.push("the neighbour is not ready any more");
  return { neighbourMs: [before, meanwhile], stopMs, outcome, faults };
}
