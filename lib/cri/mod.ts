/** The CRI as a kubelet speaks it: for tests, the demo, the benchmarks and the clean stop of `deno task start`. */
export { connectCri, type Cri, waitForCri } from "./client.ts";
export { message } from "./message.ts";
export {
  containerConfig,
  type ContainerOptions,
  containerResources,
  podConfig,
  type PodOptions,
} from "./pods.ts";
export { requestThroughForward } from "./port_forward.ts";
export { RemoteCommand, type RemoteExit } from "./remote_command.ts";
