import { boolean, type ConfigOf, integer, list, loadConfig, table, text } from "../../lib/config/mod.ts";

import { BLOCK_KEYS } from "./block/settings.ts";

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
  block: BLOCK_KEYS,
});

/** How virtiofsd is run. */
export type VirtiofsdSettings = ConfigOf<typeof STORAGE_SCHEMA>["virtiofsd"];

/** How containers become disks. */
export type BlockSettings = ConfigOf<typeof STORAGE_SCHEMA>["block"];

/** What the command line says, over the file. */
export interface Overrides {
  virtiofsd?: string | undefined;
  mkfsErofs?: string | undefined;
  imageDir?: string | undefined;
}

/**
 * Reads the settings.
 *
 * @param file configuration file; undefined gives the defaults
 * @throws INVALID_ARGUMENT naming file, line and key
 */
export function storageSettings(
  file: string | undefined,
  overrides: Overrides = {},
): { virtiofsd: VirtiofsdSettings; block: BlockSettings } {
  const { virtiofsd, block } = loadConfig(STORAGE_SCHEMA, file);
  return {
    virtiofsd: { ...virtiofsd, path: overrides.virtiofsd ?? virtiofsd.path },
    block: {
      ...block,
      mkfs_erofs: overrides.mkfsErofs ?? block.mkfs_erofs,
      image_dir: overrides.imageDir ?? block.image_dir,
    },
  };
}
