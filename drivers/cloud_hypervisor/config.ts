import { loadConfig } from "../../lib/config/mod.ts";
import { KuasarError } from "../../lib/errors/mod.ts";
import { packagedFile } from "../contract/packaged_file.ts";
import { type GuestConfig, guestConfig } from "../contract/vm/guest_config.ts";
import { VIRTIOFSD_NOTE } from "../contract/vm/virtiofsd_keys.ts";
import { type ConfigFile, SCHEMA } from "./config_schema.ts";

/** The configuration of this driver after all checks. */
export interface CloudHypervisorConfig {
  path: string;
  guest: GuestConfig;
  /** 0: as many as the sandbox starts with. */
  maxVcpus: number;
  nested: boolean;
  memoryHotplugMib: number;
  shareFs: "virtiofs" | "block";
  hugepages: boolean;
  memoryPrealloc: boolean;
  entropySource: string;
  imageDevice: "blk" | "pmem";
  seccomp: "true" | "false" | "log" | "errno";
  landlock: boolean;
  landlockPaths: readonly string[];
  debug: boolean;
  /** What a person should know: values that have no effect here. */
  notes: string[];
}

/** Memory is plugged in in blocks of this size. */
const MEMORY_BLOCK_MIB = 128;

/**
 * Reads the configuration file and its drop-ins.
 *
 * @param file undefined takes `/var/lib/kuasar/config_clh.toml` where it exists, else the defaults
 * @throws {KuasarError} INVALID_ARGUMENT for anything that is wrong in it, NOT_FOUND for a missing file
 */
export function loadCloudHypervisorConfig(file: string | undefined): CloudHypervisorConfig {
  const path = file ?? packagedFile("config_clh.toml");
  return fromFile(loadConfig(SCHEMA, path), path ?? "the built-in configuration");
}

/**
 * The configuration that a checked file means.
 *
 * @param name of the file, for messages
 * @throws {KuasarError} INVALID_ARGUMENT for keys that contradict each other
 */
export function fromFile({ hypervisor }: ConfigFile, name: string): CloudHypervisorConfig {
  const guest = guestConfig(hypervisor, name);
  if (hypervisor.memory_hotplug_mb % MEMORY_BLOCK_MIB !== 0) {
    throw invalid(
      name,
      `hypervisor.memory_hotplug_mb is ${hypervisor.memory_hotplug_mb}, no multiple of ${MEMORY_BLOCK_MIB}`,
    );
  }
  if (hypervisor.landlock_paths.length > 0 && !hypervisor.landlock) {
    throw invalid(name, "hypervisor.landlock_paths is set and hypervisor.landlock is not");
  }
  return {
    path: hypervisor.path,
    guest: hypervisor.task.debug
      ? { ...guest, kernelParams: `${guest.kernelParams} task.log_level=debug`.trim() }
      : guest,
    maxVcpus: hypervisor.max_vcpus,
    nested: hypervisor.nested,
    memoryHotplugMib: hypervisor.memory_hotplug_mb,
    shareFs: hypervisor.share_fs,
    hugepages: hypervisor.hugepages,
    memoryPrealloc: hypervisor.mem_prealloc,
    entropySource: hypervisor.entropy_source,
    imageDevice: hypervisor.image_device,
    seccomp: hypervisor.seccomp,
    landlock: hypervisor.landlock,
    landlockPaths: hypervisor.landlock_paths,
    debug: hypervisor.debug,
    notes: notes(hypervisor),
  };
}

function notes(hypervisor: ConfigFile["hypervisor"]): string[] {
  const found: string[] = [];
  const withoutEffect = (key: string, value: unknown, nothing: unknown) => {
    if (value !== nothing) found.push(`hypervisor.${key} = ${JSON.stringify(value)} has no effect`);
  };
  withoutEffect("firmware", hypervisor.firmware, "");
  withoutEffect("enable_mem_prealloc", hypervisor.enable_mem_prealloc, false);
  withoutEffect("task.enable_tracing", hypervisor.task.enable_tracing, false);
  if (hypervisor.virtiofsd.path !== undefined) {
    found.push(VIRTIOFSD_NOTE);
  }
  return found;
}

function invalid(name: string, reason: string): KuasarError {
  return new KuasarError("INVALID_ARGUMENT", `Cannot use ${name}: ${reason}`);
}
