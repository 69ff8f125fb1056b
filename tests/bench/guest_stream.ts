import type { GuestEndpoint } from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import { GuestDefinition } from "../../lib/proto/gen/kuasar/guest/v1/guest.ts";
import { TaskDefinition } from "../../lib/proto/gen/containerd/task/v3/task.ts";
import { connectGuest, GUEST_PORT } from "../../lib/transport/mod.ts";
import { createClient, TtrpcClient } from "../../lib/ttrpc/mod.ts";

const TIMEOUT_MS = 30_000;

async function withAgent<T>(endpoint: GuestEndpoint, work: (client: TtrpcClient) => Promise<T>): Promise<T> {
  const stream = await connectGuest(endpoint, GUEST_PORT.services, { timeoutMs: TIMEOUT_MS });
  const client = new TtrpcClient(stream);
  try {
    return await work(client);
  } finally {
    client.close();
    await client.closed;
  }
}

/** Resident memory of the agent in a guest, in KiB. */
export async function agentResidentKib(endpoint: GuestEndpoint): Promise<number> {
  return await withAgent(endpoint, async (client) => {
    const info = await createClient(GuestDefinition, client, { timeoutMs: TIMEOUT_MS }).info({});
    return Number(info.agentRssKib);
  });
}

/**
 * Runs `script` in a container with nobody between: the agent is asked directly, and its stdout stream is read
 * directly. What kuasar-task, containerd and its streaming server cost on top is then the difference.
 *
 * @returns bytes and ms from the process's start to the end of its output
 */
export async function rawStdout(
  endpoint: GuestEndpoint,
  containerId: string,
  script: string,
): Promise<{ bytes: number; ms: number }> {
  const execId = `bench-${crypto.randomUUID().slice(0, 8)}`;
  const process = {
    terminal: false,
    user: { uid: 0, gid: 0 },
    args: ["sh", "-c", script],
    env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
    cwd: "/",
  };
  return await withAgent(endpoint, async (client) => {
    const task = createClient(TaskDefinition, client, { timeoutMs: TIMEOUT_MS });
    await task.exec({
      id: containerId,
      execId,
      terminal: false,
      stdin: "",
      stdout: "yes",
      stderr: "",
      spec: {
        typeUrl: "types.containerd.io/opencontainers/runtime-spec/1/Process",
        value: new TextEncoder().encode(JSON.stringify(process)),
      },
    });
    const stream = await connectGuest(endpoint, GUEST_PORT.stdio, { timeoutMs: TIMEOUT_MS });
    try {
      await stream.write(new TextEncoder().encode(`STREAM ${containerId} ${execId} stdout\n`));
      const first = await stream.read();
      const text = new TextDecoder().decode(first ?? new Uint8Array());
      if (!text.startsWith("OK\n")) throw new Error(`Cannot open the stream: ${text}`);
      let bytes = first!.length - 3;
      const begin = performance.now();
      await task.start({ id: containerId, execId });
      for (let piece = await stream.read(); piece !== null; piece = await stream.read()) {
        bytes += piece.length;
      }
      const ms = performance.now() - begin;
      await task.wait({ id: containerId, execId });
      await task.delete({ id: containerId, execId });
      return { bytes, ms };
    } finally {
      stream.close();
    }
  });
}
