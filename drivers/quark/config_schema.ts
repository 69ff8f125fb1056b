import { type ConfigOf, integer, table, text } from "../../lib/config/mod.ts";
import { SANDBOX_KEYS } from "../contract/config_keys.ts";

/** `config_quark.toml`. Quark's own settings are in its `config.json`, which this driver checks. */
export const SCHEMA = table({
  sandbox: SANDBOX_KEYS,
  runtime: table({
    quark_path: text({ default: "/usr/local/bin/quark", help: "Quark's program" }),
    config_path: text({
      default: "/etc/quark/config.json",
      help: "the configuration that quark reads, which must have Sandboxed on and ShimMode off",
    }),
    start_timeout: integer({ default: 10, min: 1, max: 600, help: "seconds for a sandbox to come up" }),
    overhead_in_mb: integer({
      default: 128,
      min: 0,
      max: 65_536,
      help: "of Quark's own in a pod with a memory limit, on top of that limit",
    }),
  }),
});

/** A file that was checked. */
export type ConfigFile = ConfigOf<typeof SCHEMA>;
