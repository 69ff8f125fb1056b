import type { Any } from "../../lib/proto/gen/google/protobuf/any.ts";
import type { TtrpcServer } from "../../lib/ttrpc/mod.ts";
import { streams } from "../stream/mod.ts";
import { Crun } from "./crun.ts";
import { TaskService } from "./service.ts";

export { Crun } from "./crun.ts";
export { TaskService } from "./service.ts";

/** Where the guest's image has the OCI runtime, and where it keeps its state. */
const CRUN = "/usr/bin/crun";
const CRUN_DIRECTORY = "/run/crun";

/** Serves containers of this guest on `server`. */
export function registerTask(server: TtrpcServer, publish: (topic: string, event: Any) => void): void {
  new TaskService({ crun: new Crun([CRUN], CRUN_DIRECTORY), hub: streams, publish }).register(server);
}
