import { asKuasarError } from "../../lib/errors/mod.ts";
import { TaskDefinition } from "../../lib/proto/gen/containerd/task/v3/task.ts";
import { connectUnix } from "../../lib/transport/mod.ts";
import { createClient, TtrpcClient } from "../../lib/ttrpc/mod.ts";

/** The only name under which Quark serves its tasks. */
const SERVICE = "containerd.task.v2.Task";

/** Nothing tells when a socket that is bound begins to listen. */
const RETRY_MS = 5;

/**
 * Waits until a sandbox answers on its task socket. The socket is there from the sandbox's first moment; what is mounted below its
 * bundle before it answers would be lost to it.
 *
 * @param alive false where the sandbox has ended and no answer will come
 * @throws KuasarError DEADLINE_EXCEEDED, UNAVAILABLE where it has ended
 */
export async function untilServing(
  taskSocket: string,
  timeoutMs: number,
  alive: () => boolean,
): Promise<void> {
  for (const end = performance.now() + timeoutMs;;) {
    const leftMs = Math.max(1, end - performance.now());
    try {
      return await ask(taskSocket, leftMs);
    } catch (error) {
      if (asKuasarError(error).code !== "UNAVAILABLE" || !alive() || performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

async function ask(taskSocket: string, timeoutMs: number): Promise<void> {
  const client = new TtrpcClient(await connectUnix(taskSocket, { timeoutMs }));
  try {
    const task = createClient(TaskDefinition, client, { fullName: SERVICE, timeoutMs });
    await task.state({ id: "none", execId: "" });
  } catch (error) {
    const own = asKuasarError(error);
    // Any other refusal is an answer.
    if (own.code === "UNAVAILABLE" || own.code === "DEADLINE_EXCEEDED") throw own;
  } finally {
    client.close();
  }
}
