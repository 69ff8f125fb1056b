import { TaskOOM } from "../../lib/proto/gen/containerd/events/events.ts";
import type { Any } from "../../lib/proto/gen/google/protobuf/any.ts";

/** Under which containerd hears of it. */
export const OOM_TOPIC = "/tasks/oom";

/** The event of a container of which the kernel has killed a process for want of memory. */
export function oomEvent(containerId: string): Any {
  return { typeUrl: "containerd.events.TaskOOM", value: TaskOOM.encode({ containerId }).finish() };
}
