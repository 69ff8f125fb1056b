import { type DriverDeployment, tomlTable } from "../contract/deployment.ts";

/** How the runc driver is installed and offered. */
export const deployment: DriverDeployment = {
  name: "runc",
  folder: "runc",
  handlers: ["kuasar-runc"],
  runtimeType: "io.containerd.kuasar-runc.v2",
  tools: ["crun"],
  vm: false,
  powers: "namespaces",
  configFile: "config_runc.toml",
  configuration: ({ tools, agent }) =>
    tomlTable("runtime", { runtime_path: tools.crun, criu_path: tools.criu, pause_path: agent }),
};
