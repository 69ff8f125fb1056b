import { type DriverDeployment, tomlTable } from "../contract/deployment.ts";

/** How the gVisor driver is installed and offered. */
export const deployment: DriverDeployment = {
  name: "gvisor",
  folder: "gvisor",
  handlers: ["kuasar-gvisor"],
  runtimeType: "io.containerd.kuasar-gvisor.v2",
  tools: ["runsc"],
  vm: false,
  powers: "own-kernel",
  configFile: "config_gvisor.toml",
  configuration: ({ tools, agent }) => tomlTable("runtime", { runtime_path: tools.runsc, pause_path: agent }),
};
