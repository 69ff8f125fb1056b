import { KuasarError } from "../../lib/errors/mod.ts";
import * as sys from "../native/sys.js";
import { writeOrigin } from "./origin.ts";
import { runtimeName } from "./runtime_name.ts";
import { taskSocket } from "./task_socket.ts";

/** The first version of the bootstrap protocol that is JSON with the task API's version 3. */
const BOOTSTRAP_VERSION = 3;

/**
 * What `start` prints: where the task is served.
 *
 * containerd 2.0 and later says that it reads JSON; to earlier ones the bare address means ttrpc and version 2.
 *
 * @param maxVersion containerd's `MAX_SHIM_VERSION`
 */
export function startAnswer(socket: string, maxVersion: string | null): string {
  const address = `unix://${socket}`;
  if (Number(maxVersion ?? 0) < BOOTSTRAP_VERSION) return address;
  return JSON.stringify({ version: BOOTSTRAP_VERSION, address, protocol: "ttrpc" });
}

/**
 * `start`: tells containerd where the task server is. No process is started; what the server needs to know and is not
 * told over the Task API goes into the bundle, which is the working directory.
 *
 * @returns what to print
 * @throws KuasarError UNAVAILABLE where no task server is
 */
export function startTask(program: string): string {
  const socket = taskSocket(sys.getenv);
  try {
    sys.close(sys.connectUnix(socket));
  } catch (error) {
    throw new KuasarError(
      "UNAVAILABLE",
      `Cannot start: no task server at ${socket} (${(error as Error).message}); ` +
        "start kuasar-task, or set KUASAR_RUN_DIR for containerd",
      { cause: error },
    );
  }
  const bundle = sys.getcwd();
  // containerd 1.7 looks here for the task server of a sandbox's containers.
  sys.writeFile(`${bundle}/address`, `unix://${socket}`, 0o600);
  writeOrigin(bundle, { runtime: runtimeName(program), events: sys.getenv("TTRPC_ADDRESS") ?? "" });
  return startAnswer(socket, sys.getenv("MAX_SHIM_VERSION"));
}
