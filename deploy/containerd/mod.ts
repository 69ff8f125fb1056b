/** Configuration of containerd, and private instances of it. */
export { cniConflist, type CniOptions, podSubnet } from "./cni.ts";
export {
  containerdConfig,
  type ContainerdOptions,
  handlerConfig,
  type RuntimeHandler,
  runtimeHandlers,
  SANDBOXER_NAME,
} from "./config.ts";
export {
  type ContainerdInstance,
  type ContainerdPrograms,
  prepareContainerd,
  type PrepareOptions,
} from "./instance.ts";
