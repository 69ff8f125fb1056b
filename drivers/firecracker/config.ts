import { loadConfig } from "../../lib/config/mod.ts";
import { KuasarError } from "../../lib/errors/mod.ts";
import { packagedFile } from "../contract/packaged_file.ts";
import { type GuestConfig, guestConfig } from "../contract/vm/guest_config.ts";
import { type ConfigFile, SCHEMA } from "./config_schema.ts";

/** The configuration of this driver after all checks. */
export interface FirecrackerConfig {
  path: string;
  guest: GuestConfig;
  pci: boolean;
  /** Drives that are empty at first. */
  places: { readOnly: number; writable: number };
  blockIo: "Sync" | "Async";
  hugepages: boolean;
  entropy: boolean;
  balloon: boolean;
  seccomp: boolean;
  debug: boolean;
}

/**
 * Devices that one VM can have. On MMIO each takes an interrupt of 5 to 23, of which two are the VMM's own; on PCI a place
 * on the one bus, of which the first is the host bridge's.
 */
const MAX_DEVICES = { mmio: 17, pci: 31 } as const;

/**
 * Reads the configuration file and its drop-ins.
 *
 * @param file undefined takes `/var/lib/kuasar/config_firecracker_<arch>.toml` where it exists, else the defaults
 * @throws {KuasarError} INVALID_ARGUMENT for anything that is wrong in it, NOT_FOUND for a missing file
 */
export function loadFirecrackerConfig(file: string | undefined): FirecrackerConfig {
  const path = file ?? packagedFile(`config_firecracker_${Deno.build.arch}.toml`);
  return fromFile(loadConfig(SCHEMA, path), path ?? "the built-in configuration");
}

/**
 * The configuration that a checked file means.
 *
 * @param name of the file, for messages
 * @throws {KuasarError} INVALID_ARGUMENT for keys that contradict each other
 */
export function fromFile({ hypervisor }: ConfigFile, name: string): FirecrackerConfig {
  const config: FirecrackerConfig = {
    path: hypervisor.path,
    guest: guestConfig(hypervisor, name),
    pci: hypervisor.pci,
    places: { readOnly: hypervisor.disk_places, writable: hypervisor.writable_disk_places },
    blockIo: hypervisor.block_io,
    hugepages: hypervisor.hugepages,
    entropy: hypervisor.entropy,
    balloon: hypervisor.balloon,
    seccomp: hypervisor.seccomp,
    debug: hypervisor.debug,
  };
  const most = maxNics(config);
  if (most < 1) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot use ${name}: hypervisor.disk_places and hypervisor.writable_disk_places leave no room for a NIC among ` +
        `the ${maxDevices(config)} devices of a VM; they are ${1 - most} too many`,
    );
  }
  return config;
}

/** Devices of any kind that a VM can have. */
export function maxDevices({ pci }: FirecrackerConfig): number {
  return pci ? MAX_DEVICES.pci : MAX_DEVICES.mmio;
}

/** NICs for which there is room beside everything else. */
export function maxNics(config: FirecrackerConfig): number {
  const { places, guest, entropy, balloon } = config;
  const others = [guest.imagePath !== "", entropy, balloon].filter((there) => there).length;
  const vsock = 1;
  return maxDevices(config) - vsock - others - places.readOnly - places.writable;
}
