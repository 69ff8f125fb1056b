/** Configuration of containerd, and private instances of it. */
export { cniConflist, type CniOptions, podSubnet } from "./cni.ts";
export {
  type ConfigVersion,
  containerdConfig,
  type ContainerdOptions,
  handlerConfig,
  type IoType,
  type RuntimeHandler,
  runtimeHandlers,
  shimHandler,
  shimRuntimeType,
} from "./config.ts";
export { containerd17Config } from "./config17.ts";
export {
  type ContainerdInstance,
  type ContainerdPrograms,
  type ContainerdRelease,
  prepareContainerd,
  type PrepareOptions,
} from "./instance.ts";
