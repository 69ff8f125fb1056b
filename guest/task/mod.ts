import type { Any } from "../../lib/proto/gen/google/protobuf/any.ts";
import type { TtrpcServer } from "../../lib/ttrpc/mod.ts";
import * as sys from "../native/sys.js";
import { streams } from "../stream/mod.ts";
import { OciRuntime } from "./oci_runtime.ts";
import { TaskService } from "./service.ts";
import { StreamIo } from "./stream_io.ts";

/** Where the guest's image has the OCI runtime, and where it keeps its state. */
const CRUN = ["/usr/bin/crun", "--root", "/run/crun/state", "--cgroup-manager", "cgroupfs"];
const DIRECTORY = "/run/crun";

/**
 * Serves containers of this guest on `server`.
 *
 * @param noVsock their processes cannot make vsock sockets
 */
export function registerTask(
  server: TtrpcServer,
  noVsock: boolean,
  publish: (topic: string, event: Any) => void,
): void {
  sys.mkdirAll(`${DIRECTORY}/state`, 0o700);
  const runtime = new OciRuntime({ command: CRUN, directory: DIRECTORY, noVsock });
  const stdio = new StreamIo(streams, DIRECTORY);
  new TaskService({ runtimeFor: () => runtime, stdio, directory: DIRECTORY, publish }).register(server);
}
