import { type ConfigOf, list, table, text } from "../../lib/config/mod.ts";
import { SANDBOX_KEYS } from "../contract/config_keys.ts";

/** `config_runc.toml`: Kuasar's runc sandboxer has no file, so the keys are containerd's names where it has them. */
export const SCHEMA = table({
  sandbox: SANDBOX_KEYS,
  runtime: table({
    runtime_path: text({ default: "/usr/bin/crun", help: "an OCI runtime: crun, runc or youki" }),
    runtime_args: list(text(), { default: [], help: "before the verb of each call of it" }),
    criu_path: text({
      default: "/usr/sbin/criu",
      help: "CRIU, by which containers are checkpointed; need not be there",
    }),
    pause_path: text({
      default: "/usr/local/lib/kuasar/agent",
      help: "our agent, the first process of a PID namespace that a pod shares",
    }),
  }),
});

/** A file that was checked. */
export type ConfigFile = ConfigOf<typeof SCHEMA>;
