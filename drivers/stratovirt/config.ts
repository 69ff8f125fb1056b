import { loadConfig } from "../../lib/config/mod.ts";
import { KuasarError } from "../../lib/errors/mod.ts";
import { packagedFile } from "../contract/packaged_file.ts";
import { type GuestConfig, guestConfig } from "../contract/vm/guest_config.ts";
import { VIRTIOFSD_NOTE } from "../contract/vm/virtiofsd_keys.ts";
import { type ConfigFile, SCHEMA } from "./config_schema.ts";
import type { Machine } from "./launch_plan.ts";

/** The configuration of this driver after all checks. */
export interface StratoVirtConfig {
  path: string;
  machine: Machine;
  /** Empty for a machine that needs none. */
  firmware: string;
  guest: GuestConfig;
  shareFs: "virtiofs" | "block";
  memoryPrealloc: boolean;
  /** Empty for no entropy device. */
  entropySource: string;
  hotplugPorts: number;
  vsock: "kernel" | "vhost-user";
  vhostDeviceVsockPath: string;
  seccomp: boolean;
  debug: boolean;
  /** What a person should know: values that have no effect here. */
  notes: string[];
}

const MACHINES: readonly Machine[] = ["microvm", "q35", "virt"];

/**
 * Reads the configuration file and its drop-ins.
 *
 * @param file undefined takes `/var/lib/kuasar/config_stratovirt_<arch>.toml` where it exists, else the defaults
 * @throws {KuasarError} INVALID_ARGUMENT for anything that is wrong in it, NOT_FOUND for a missing file
 */
export function loadStratoVirtConfig(file: string | undefined): StratoVirtConfig {
  const path = file ?? packagedFile(`config_stratovirt_${Deno.build.arch}.toml`);
  return fromFile(loadConfig(SCHEMA, path), path ?? "the built-in configuration");
}

/**
 * The configuration that a checked file means.
 *
 * @param name of the file, for messages
 * @throws {KuasarError} INVALID_ARGUMENT for keys that contradict each other
 */
export function fromFile({ hypervisor }: ConfigFile, name: string): StratoVirtConfig {
  const machine = machineOf(hypervisor.machine_type, name);
  if (machine === "q35" && !hypervisor.firmware) {
    throw invalid(name, "hypervisor.machine_type is q35, which needs hypervisor.firmware (OVMF)");
  }
  return {
    path: hypervisor.path,
    machine,
    firmware: machine === "microvm" ? "" : hypervisor.firmware,
    guest: guestConfig(hypervisor, name),
    shareFs: hypervisor.share_fs,
    memoryPrealloc: hypervisor.mem_prealloc || hypervisor.enable_mem_prealloc,
    entropySource: hypervisor.entropy_source,
    hotplugPorts: hypervisor.hotplug_ports,
    vsock: hypervisor.vsock,
    vhostDeviceVsockPath: hypervisor.vhost_device_vsock_path,
    seccomp: hypervisor.seccomp,
    debug: hypervisor.debug,
    notes: notes(hypervisor, machine),
  };
}

function machineOf(text: string, name: string): Machine {
  const [type = "", ...properties] = text.split(",");
  const machine = MACHINES.find((one) => one === type);
  if (machine && properties.every((property) => /^mem-share=(on|off)$/.test(property))) return machine;
  throw invalid(
    name,
    `hypervisor.machine_type is ${JSON.stringify(text)}; it must be one of ${MACHINES.join(", ")}`,
  );
}

function notes(hypervisor: ConfigFile["hypervisor"], machine: Machine): string[] {
  const found: string[] = [];
  if (machine === "microvm" && hypervisor.firmware) {
    found.push(`hypervisor.firmware = ${JSON.stringify(hypervisor.firmware)} has no effect with microvm`);
  }
  if (hypervisor.block_device_driver !== "virtio-blk") {
    found.push(`hypervisor.block_device_driver = ${hypervisor.block_device_driver} is taken for virtio-blk`);
  }
  if (hypervisor.virtiofsd_conf.path !== undefined) {
    found.push(VIRTIOFSD_NOTE);
  }
  return found;
}

function invalid(name: string, reason: string): KuasarError {
  return new KuasarError("INVALID_ARGUMENT", `Cannot use ${name}: ${reason}`);
}
