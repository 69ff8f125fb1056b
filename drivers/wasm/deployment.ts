import { type DriverDeployment, tomlTable } from "../contract/deployment.ts";
import { PASSED_ANNOTATIONS } from "./annotations.ts";

/** How the Wasm driver is installed and offered. */
export const deployment: DriverDeployment = {
  name: "wasm",
  folder: "wasm",
  handlers: ["kuasar-wasm"],
  runtimeType: "io.containerd.kuasar-wasm.v2",
  tools: ["wasmedge", "crun"],
  alternative: {
    path: "/usr/local/bin/wasmtime",
    versionArgs: ["--version"],
    // Older ones have not been tried.
    minVersion: "49",
    remedy:
      "for components take it from https://github.com/bytecodealliance/wasmtime/releases, and name it as engine.path",
  },
  vm: false,
  powers: "namespaces",
  annotations: PASSED_ANNOTATIONS,
  configFile: "config_wasm.toml",
  configuration: ({ tools, agent, containerdAddress, cacheDir }) =>
    [
      tomlTable("engine", {
        // Only tests name Wasmtime.
        name: tools.wasmtime && "wasmtime",
        path: tools.wasmtime ?? tools.wasmedge,
        root_path: cacheDir && `${cacheDir}/wasm`,
      }),
      tomlTable("aot", { cache_path: cacheDir && `${cacheDir}/wasm-aot` }),
      tomlTable("runtime", { runtime_path: tools.crun, pause_path: agent }),
      tomlTable("containerd", { address: containerdAddress }),
    ].join("\n"),
};
