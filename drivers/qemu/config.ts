import { loadConfig } from "../../lib/config/mod.ts";
import { packagedFile } from "../contract/packaged_file.ts";
import type { Accel } from "../contract/vm/accel.ts";
import { type GuestConfig, guestConfig } from "../contract/vm/guest_config.ts";
import { VIRTIOFSD_NOTE } from "../contract/vm/virtiofsd_keys.ts";
import { type ConfigFile, SCHEMA, WITHOUT_EFFECT } from "./config_schema.ts";
import type { Machine } from "./launch_plan.ts";

/** The configuration of this driver after all checks. */
export interface QemuConfig {
  accel: "auto" | Accel;
  qemuPath: string;
  machine: Machine;
  cpuModel: string;
  cpuFeatures: string;
  guest: GuestConfig;
  memoryPrealloc: boolean;
  hugepages: boolean;
  /** 0: as many as the sandbox starts with. */
  maxVcpus: number;
  memoryHotplugMib: number;
  pmemHotplugMib: number;
  pcieRootPorts: number;
  pcieRootPortMmioMib: number;
  firmwarePath: string;
  entropySource: string;
  console: "hvc0" | "ttyS0" | "ttyAMA0";
  shareFs: "virtiofs" | "9p" | "block";
  virtio9pMultidevs: string;
  virtio9pDirectIo: boolean;
  vsock: "auto" | "kernel" | "hybrid";
  vhostDeviceVsockPath: string;
  seccomp: boolean;
  /** What a person should know: values that have no effect here. */
  notes: string[];
}

/**
 * Reads the configuration file and its drop-ins.
 *
 * @param file undefined takes `/var/lib/kuasar/config_qemu_<arch>.toml` where it exists, else the defaults
 * @throws {KuasarError} INVALID_ARGUMENT for anything that is wrong in it, NOT_FOUND for a missing file
 */
export function loadQemuConfig(file: string | undefined): QemuConfig {
  const path = file ?? packagedFile(`config_qemu_${Deno.build.arch}.toml`);
  return fromFile(loadConfig(SCHEMA, path), path ?? "the built-in configuration");
}

/** By name in docs/decisions/9p-under-emulation.md. */
const NINEP_NOTE =
  "hypervisor.share_fs = 9p: a guest may read what others write as it was before, lose lines that several " +
  "append, and cannot change open files that have no name; image files have no capabilities; virtiofs has none of this";

/**
 * The configuration that a checked file means.
 *
 * @param name of the file, for messages
 * @throws {KuasarError} INVALID_ARGUMENT for keys that contradict each other
 */
export function fromFile({ hypervisor }: ConfigFile, name: string): QemuConfig {
  const machine: Machine = hypervisor.machine_type === "virt" ? "virt" : "q35";
  return {
    accel: hypervisor.accel,
    qemuPath: hypervisor.qemu_path,
    machine,
    cpuModel: hypervisor.cpu_model,
    cpuFeatures: hypervisor.cpu_features,
    guest: guestConfig(hypervisor, name),
    memoryPrealloc: hypervisor.mem_prealloc,
    hugepages: hypervisor.hugepages,
    maxVcpus: machine === "q35" ? hypervisor.default_max_vcpus : 0,
    memoryHotplugMib: machine === "q35" ? hypervisor.memory_hotplug_mb : 0,
    pmemHotplugMib: machine === "q35" ? hypervisor.pmem_hotplug_mb : 0,
    pcieRootPorts: hypervisor.pcie_root_ports,
    pcieRootPortMmioMib: hypervisor.pcie_root_port_mmio_mb,
    firmwarePath: hypervisor.firmware_path,
    entropySource: hypervisor.entropy_source,
    console: hypervisor.console === "hvc0" ? "hvc0" : machine === "q35" ? "ttyS0" : "ttyAMA0",
    shareFs: shareFs(hypervisor.share_fs),
    virtio9pMultidevs: hypervisor.virtio_9p_multidevs || "remap",
    virtio9pDirectIo: hypervisor.virtio_9p_direct_io,
    vsock: hypervisor.vsock,
    vhostDeviceVsockPath: hypervisor.vhost_device_vsock_path,
    seccomp: hypervisor.seccomp,
    notes: notes(hypervisor),
  };
}

function shareFs(value: ConfigFile["hypervisor"]["share_fs"]): QemuConfig["shareFs"] {
  if (value === "block") return value;
  return /9p/i.test(value) ? "9p" : "virtiofs";
}

function notes(hypervisor: ConfigFile["hypervisor"]): string[] {
  const found: string[] = [];
  for (const [key, schema] of Object.entries(WITHOUT_EFFECT)) {
    const value = hypervisor[key as keyof typeof WITHOUT_EFFECT];
    if (value !== schema.default) found.push(`hypervisor.${key} = ${JSON.stringify(value)} has no effect`);
  }
  if (hypervisor.machine_type === "pc") found.push("hypervisor.machine_type = pc is taken for q35");
  if (hypervisor.block_device_driver !== "VirtioBlk") {
    found.push(`hypervisor.block_device_driver = ${hypervisor.block_device_driver} is taken for VirtioBlk`);
  }
  if (shareFs(hypervisor.share_fs) === "9p") found.push(NINEP_NOTE);
  if (hypervisor.virtiofsd.path !== undefined || hypervisor.virtiofs_daemon_path !== undefined) {
    found.push(VIRTIOFSD_NOTE);
  }
  return found;
}
