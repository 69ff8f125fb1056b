import { boolean, type ConfigOf, integer, list, loadConfig, table, text } from "../../lib/config/mod.ts";

const LOG_LEVELS = ["error", "warn", "info", "debug", "trace", "off"] as const;

/** The configuration file of the service. Kuasar has these keys in `[hypervisor.virtiofsd]`. */
export const STORAGE_SCHEMA = table({
  virtiofsd: table({
    path: text({
      default: "/usr/libexec/virtiofsd",
      help: "The program: the Rust implementation, 1.11 or later",
    }),
    cache: text({
      default: "auto",
      oneOf: ["auto", "always", "metadata", "never"],
      help: "How long the guest believes what it has seen: auto is 1 s, never asks each time",
    }),
    thread_pool_size: integer({
      default: 1,
      min: 0,
      max: 64,
      help: "Threads that serve requests besides the main one",
    }),
    xattr: boolean({
      default: true,
      help: "Extended attributes; programs with file capabilities need them",
    }),
    log_level: text({ default: "warn", oneOf: LOG_LEVELS, help: "How much it says" }),
    extra_args: list(text(), { default: [], help: "Passed on as they are" }),
  }),
});

/** How virtiofsd is run. */
export type VirtiofsdSettings = ConfigOf<typeof STORAGE_SCHEMA>["virtiofsd"];

/**
 * Reads the settings.
 *
 * @param file configuration file; undefined gives the defaults
 * @param program wins over the file's `path`
 * @throws INVALID_ARGUMENT naming file, line and key
 */
export function virtiofsdSettings(file: string | undefined, program: string | undefined): VirtiofsdSettings {
  const { virtiofsd } = loadConfig(STORAGE_SCHEMA, file);
  return program === undefined ? virtiofsd : { ...virtiofsd, path: program };
}
