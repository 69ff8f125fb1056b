/**
 * What a bench does, without end: pods that come and go on a node of its own, until a signal ends this process
 * (ended_by_signal_test.ts).
 */
import { runCommand } from "../../lib/process/mod.ts";
import { Node } from "../harness/mod.ts";
import { imageArchive } from "./fixture.ts";

/** So many lives of pods at once: whenever the signal comes, one of them is in each of its steps. */
const SIDE_BY_SIDE = 4;

async function lives(node: Node, name: string): Promise<never> {
  const image = await node.image("busybox");
  for (let count = 0;; count++) {
    const pod = await node.runPod({ name: `${name}-${count}` });
    console.log(`pod ${pod.id}`);
    const container = await pod.run({ name: "c", image, command: ["sleep", "1000"] });
    await container.exec(["true"]);
    if (count === 0) console.log("a pod has lived");
    await pod.remove();
  }
}

async function main(): Promise<number> {
  const starting = Node.start({
    handler: "kuasar-runc",
    runDir: Deno.args[0]!,
    logLevel: "warn",
    images: [imageArchive("busybox")],
  });
  // Not before: whoever reads this may send a signal at once.
  console.log("starting");
  const node = await starting;
  try {
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, (_, i) => lives(node, `life-${i}`)));
  } finally {
    await node.stop();
  }
  return 0;
}

await runCommand(main, (error) => console.error(error));
