import { asKuasarError } from "../../lib/errors/mod.ts";
import { DeleteResponse, TaskDefinition } from "../../lib/proto/gen/containerd/task/v3/task.ts";
import type { Timestamp } from "../../lib/proto/gen/google/protobuf/timestamp.ts";
import { createClient, TtrpcClient } from "../../lib/ttrpc/mod.ts";
import * as sys from "../native/sys.js";
import { FdStream } from "../runtime/fd_stream.ts";
import { taskSocket } from "./task_socket.ts";

/** All together must fit into the 5 s that containerd gives the command. */
const CALL_TIMEOUT_MS = 2_000;
/** 128 + SIGKILL: what containerd is told of a task that nobody knows. */
const KILLED = 137;

/** The time now as protobuf has it. */
function now(): Timestamp {
  const ns = sys.clockGettime(sys.CLOCK.REALTIME);
  return { seconds: ns / 1_000_000_000n, nanos: Number(ns % 1_000_000_000n) };
}

/**
 * `delete`: ends a task that containerd has lost and removes it. containerd also calls this after each regular removal;
 * then there is nothing left to do.
 *
 * @returns an encoded `DeleteResponse`
 */
export async function deleteTask(id: string): Promise<Uint8Array> {
  let answer: DeleteResponse = { pid: 0, exitStatus: KILLED, exitedAt: now() };
  try {
    const client = new TtrpcClient(new FdStream(sys.connectUnix(taskSocket(sys.getenv))));
    try {
      const task = createClient(TaskDefinition, client, { timeoutMs: CALL_TIMEOUT_MS });
      // One that has ended refuses this, which is fine.
      await task.kill({ id, execId: "", signal: sys.SIG.KILL, all: true }).catch(() => {});
      await task.wait({ id, execId: "" });
      answer = await task.delete({ id, execId: "" });
    } finally {
      client.close();
    }
  } catch (error) {
    const own = asKuasarError(error);
    if (own.code !== "NOT_FOUND") sys.logWrite(`Cannot delete task ${id}: ${own.message}\n`);
  }
  return DeleteResponse.encode(answer).finish();
}
