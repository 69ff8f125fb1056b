import { type ConfigOf, integer, list, table, text } from "../../lib/config/mod.ts";
import { SANDBOX_KEYS } from "../contract/config_keys.ts";
import { MAX_TIME_LIMIT_MS } from "./annotations.ts";
import { ENGINE_NAMES, OPTIMIZE_LEVELS } from "./engine/mod.ts";

/** `config_wasm.toml`. Kuasar's Wasm sandboxer has no file: its engine is chosen when it is built. */
export const SCHEMA = table({
  sandbox: SANDBOX_KEYS,
  engine: table({
    name: text({ default: ENGINE_NAMES[0], oneOf: ENGINE_NAMES, help: "what runs modules" }),
    path: text({ default: "", help: "the engine's program; empty: /usr/bin/<name>" }),
    plugin_path: text({
      default: "",
      help: "folder with plugins of WasmEdge, WASI-NN for one, and the libraries that only they need",
    }),
    root_path: text({
      default: "/var/lib/kuasar/wasm",
      help: "where the root file system that holds the engine is made, for all containers together",
    }),
    time_limit_ms: integer({
      default: 0,
      min: 0,
      max: MAX_TIME_LIMIT_MS,
      help: "a module that runs longer is killed; 0: no limit. An annotation may only shorten it",
    }),
  }),
  aot: table({
    mode: text({
      default: "background",
      oneOf: ["off", "background", "wait"],
      help:
        "ahead-of-time compilation. background: the first container of a module does not wait, later ones have the code",
    }),
    optimize: text({
      default: "2",
      oneOf: OPTIMIZE_LEVELS,
      help: "how hard code is optimized, for speed or for size",
    }),
    cache_path: text({ default: "/var/cache/kuasar/wasm", help: "where compiled modules are kept" }),
    cache_size_mib: integer({
      default: 1024,
      min: 1,
      max: 1_048_576,
      help: "the least recently used go first",
    }),
    max_module_mib: integer({ default: 64, min: 1, max: 4096, help: "larger modules are not compiled" }),
    max_memory_mib: integer({ default: 4096, min: 256, max: 1_048_576, help: "of the compiler" }),
    timeout_s: integer({ default: 120, min: 1, max: 3600, help: "of one compilation" }),
  }),
  runtime: table({
    runtime_path: text({
      default: "/usr/bin/crun",
      help: "the OCI runtime in whose containers engines run: crun, runc or youki",
    }),
    runtime_args: list(text(), { default: [], help: "before the verb of each call of it" }),
    pause_path: text({
      default: "/usr/local/lib/kuasar/agent",
      help: "our agent, the first process of a PID namespace that a pod shares",
    }),
  }),
  containerd: table({
    address: text({
      default: "/run/containerd/containerd.sock",
      help: "asked for the modules of Wasm artifacts, which have no file system",
    }),
    max_module_mib: integer({
      default: 256,
      min: 1,
      max: 4096,
      help: "larger modules of artifacts are refused",
    }),
    artifact_cache_mib: integer({
      default: 1024,
      min: 1,
      max: 1_048_576,
      help: "modules of artifacts that are kept below engine.root_path; the least recently used go first",
    }),
  }),
});

/** A file that was checked. */
export type ConfigFile = ConfigOf<typeof SCHEMA>;
