import { message } from "../../lib/cri/mod.ts";
import { ListContainerStatsRequest } from "../../lib/proto/gen/runtime/v1/cri.ts";
import type { Container, Node, Pod } from "../harness/mod.ts";

/** A pod with a container that runs, and one that is made only. */
export interface Life {
  node: Node;
  image: string;
  pod: Pod;
  running: Container;
  created: Container;
}

export async function listStats({ cri }: Node): Promise<string[]> {
  const { stats } = await cri.runtime.listContainerStats(message(ListContainerStatsRequest));
  return stats.map(({ attributes }) => attributes?.id ?? "");
}

/** What is under way when a process is stopped, by the names of the CRI; RunPodSandbox is one more, which has no pod yet. */
export const CALLS: Readonly<Record<string, (life: Life) => Promise<unknown>>> = {
  CreateContainer: ({ pod, image }) => pod.create({ name: "late", image, command: ["sleep", "1000"] }),
  StartContainer: ({ created }) => created.start(),
  ExecSync: ({ running }) => running.exec(["true"], 5),
  ContainerStats: ({ running }) => running.stats(),
  ListContainerStats: ({ node }) => listStats(node),
  StopContainer: ({ running }) => running.stop(0),
  StopPodSandbox: ({ pod }) => pod.stop(),
  RemovePodSandbox: ({ pod }) => pod.remove(),
};

export const RUN_POD = "RunPodSandbox";
