import type { PodOptions } from "../../lib/cri/mod.ts";
import type { Container, Pod } from "../harness/mod.ts";
import { percentile, timed } from "./statistics.ts";
import type { Comparison } from "./table.ts";

/** What we aim at: at most this share of theirs, or with `least` at least. */
export interface Aim {
  share: number;
  least?: boolean;
}

/** Samples of each measurement, for two sides. */
export class Results {
  readonly #ours: string;
  readonly #theirs: string;
  readonly #samples = new Map<string, Map<string, number[]>>();

  /** @param ours and `theirs`: names of the sides */
  constructor(ours: string, theirs: string) {
    this.#ours = ours;
    this.#theirs = theirs;
  }

  /** What has been measured, in the order of the first samples. */
  get measurements(): string[] {
    return [...this.#samples.keys()];
  }

  add(what: string, side: string, value: number): void {
    const sides = this.#samples.get(what) ?? new Map<string, number[]>();
    this.#samples.set(what, sides);
    sides.set(side, [...sides.get(side) ?? [], value]);
  }

  /** The medians of both sides. */
  row(what: string, unit: string, aim?: Aim, digits = 1): Comparison {
    const median = (side: string) => percentile(this.#samples.get(what)?.get(side) ?? [], 0.5);
    const [ours, theirs] = [median(this.#ours), median(this.#theirs)];
    const share = ours / theirs;
    return {
      what,
      ours: `${ours.toFixed(digits)} ${unit}`,
      theirs: `${theirs.toFixed(digits)} ${unit}`,
      share: share.toFixed(2),
      ...(aim && {
        aim: `${aim.least ? ">=" : "<="} ${aim.share}`,
        met: aim.least ? share >= aim.share : share <= aim.share,
      }),
    };
  }
}

/** The latencies of a pod's life, in the order of a table. */
export const LATENCIES = [
  "RunPodSandbox",
  "RunPodSandbox, host network",
  "create and start a container",
  "ExecSync true",
  "stop and remove a container",
  "remove a pod with a container",
] as const;

/** One side of a comparison. */
export class Contestant {
  readonly side: string;
  readonly image: string;
  readonly results: Results;
  readonly #runPod: (options: PodOptions) => Promise<Pod>;

  /** @param runPod starts one on this side */
  constructor(side: string, image: string, results: Results, runPod: (options: PodOptions) => Promise<Pod>) {
    this.side = side;
    this.image = image;
    this.results = results;
    this.#runPod = runPod;
  }

  pod(name: string, hostNetwork = false): Promise<Pod> {
    return this.#runPod({ name: `${this.side}-${name}`, hostNetwork });
  }

  sleeper(pod: Pod, name: string): Promise<Container> {
    return pod.run({ name, image: this.image, command: ["sleep", "100000"] });
  }

  async measure<T>(what: string, work: () => Promise<T>): Promise<T> {
    const { result, ms } = await timed(work);
    this.results.add(what, this.side, ms);
    return result;
  }

  /**
   * A pod's life, step by step.
   *
   * @param prefix of what is measured, where there are lives of several kinds
   * @param hostNetwork whether a pod on the host's network is measured too
   */
  async life(round: number, prefix = "", hostNetwork = true): Promise<void> {
    const measure = <T>(what: (typeof LATENCIES)[number], work: () => Promise<T>) =>
      this.measure(`${prefix}${what}`, work);
    const pod = await measure("RunPodSandbox", () => this.pod(`life-${round}`));
    const container = await measure("create and start a container", () => this.sleeper(pod, "c"));
    for (let i = 0; i < 3; i++) await measure("ExecSync true", () => container.exec(["true"]));
    await measure("stop and remove a container", async () => {
      await container.stop(0);
      await container.remove();
    });
    await this.sleeper(pod, "d");
    await measure("remove a pod with a container", () => pod.remove());
    if (!hostNetwork) return;
    const bare = await measure("RunPodSandbox, host network", () => this.pod(`bare-${round}`, true));
    await bare.remove();
  }

  /** Pods at once. */
  async parallel(width: number, round: number): Promise<void> {
    const names = Array.from({ length: width }, (_, i) => `parallel-${width}-${round}-${i}`);
    const { result: pods, ms } = await timed(() => Promise.all(names.map((name) => this.pod(name))));
    this.results.add(`pods per second, ${width} at once`, this.side, width / (ms / 1000));
    await Promise.all(pods.map((pod) => pod.remove()));
  }
}
