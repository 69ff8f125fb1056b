import type { HostSandboxes } from "./host_sandboxes.ts";
import type { Keeper } from "./keeper.ts";
import type { Loggers } from "./loggers.ts";
import type { Preparer } from "./prepare.ts";
import type { RecordStore } from "./record.ts";
import type { Registry } from "./registry.ts";
import type { Releases } from "./releases.ts";
import type { HostStreams } from "./streaming/host_streams.ts";
import type { SpareRoom } from "./spare_room.ts";
import type { TaskEvents } from "./task_events.ts";

/** What the task server's parts work with. */
export interface HostDeps {
  registry: Registry;
  records: RecordStore;
  preparer: Preparer;
  releases: Releases;
  events: TaskEvents;
  /** The containers of sandboxes without an agent. */
  local: HostSandboxes;
  streams: HostStreams;
  keeper: Keeper | undefined;
  loggers: Loggers;
  room: SpareRoom;
}
