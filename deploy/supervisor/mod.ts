/** Runs the processes of a node in one terminal, with systemd's way of handing over sockets. */
export { READY_TIMEOUT_MS } from "./ready.ts";
export { prefixer } from "./lines.ts";
export { greeted } from "./greeted.ts";
export type { ProcessSpec } from "./spec.ts";
export {
  containerdSpec,
  CORE_SERVICES,
  type DriverInSet,
  driverService,
  nodeSet,
  type SetOptions,
  socketsOf,
  V8_FLAGS,
} from "./set.ts";
export { Supervisor, type SupervisorOptions } from "./supervisor.ts";
