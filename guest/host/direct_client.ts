import type { TaskDefinition } from "../../lib/proto/gen/containerd/task/v3/task.ts";
import type { Handlers } from "../../lib/ttrpc/mod.ts";
import type { GuestTask } from "./sandbox_link.ts";

/** Calls handlers without a connection. */
export function directClient(handlers: Handlers<typeof TaskDefinition>): GuestTask {
  const calls = Object.entries(handlers).map(([name, handler]) => {
    const handle = handler as (request: unknown) => unknown;
    return [name, async (request: unknown) => await handle(request)];
  });
  return Object.fromEntries(calls) as GuestTask;
}
