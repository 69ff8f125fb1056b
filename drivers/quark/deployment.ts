import { type DriverDeployment, tomlTable } from "../contract/deployment.ts";

/** How the Quark driver is installed and offered. */
export const deployment: DriverDeployment = {
  name: "quark",
  folder: "quark",
  handlers: ["kuasar-quark"],
  runtimeType: "io.containerd.kuasar-quark.v2",
  tools: [],
  program: {
    path: "/usr/local/bin/quark",
    versionArgs: ["--version"],
    minVersion: "0.1",
    remedy: "build https://github.com/QuarkContainer/Quark, which needs a nightly of Rust: docs/quark.md",
  },
  vm: false,
  powers: "own-kernel",
  configFile: "config_quark.toml",
  configuration: ({ tools }) =>
    // Without a tool of this name the shipped defaults hold, which are Quark's own.
    tomlTable("runtime", { quark_path: tools.quark, config_path: tools.quarkConfig }),
};
