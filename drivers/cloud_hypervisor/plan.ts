import type { StartRequest } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { KuasarError } from "../../lib/errors/mod.ts";
import { type Share, ShareKind } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import type { SandboxPaths } from "../contract/sandbox_paths.ts";
import {
  checkGuestRequest,
  type GuestLimits,
  kernelParamsOf,
  memoryMibOf,
  vcpusOf,
} from "../contract/vm/request.ts";
import type { DiskConfig, FsConfig, LandlockRule, NetConfig, PmemConfig, VmConfig } from "./api_types.ts";
import type { CloudHypervisorConfig } from "./config.ts";
import { atLeast, type Version } from "./version.ts";

const MIB = 1024 * 1024;

const LIMITS: GuestLimits = {
  maxVcpus: 254,
  minMemoryMib: 64,
  maxMemoryMib: 16 * 1024 * 1024,
  // Of 31 places on the bus, most are for disks.
  maxNics: 16,
};

/** Each VM has a vsock of its own, so all may have the same CID. */
const GUEST_CID = 3;

const NET_QUEUE_SIZE = 256;
const FS_QUEUE_SIZE = 1024;

/** Id of the read-only disk that a guest boots from. */
const IMAGE_ID = "image";

/**
 * Checks everything in a request that does not need the host.
 *
 * @throws {KuasarError} INVALID_ARGUMENT
 */
export function checkRequest(request: StartRequest, config: CloudHypervisorConfig): void {
  checkGuestRequest(request, config.guest, LIMITS, kernelParams(request, config));
  if (request.share?.kind === ShareKind.NINEP) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      "Cannot start a sandbox: its share is 9p, which Cloud Hypervisor does not have; share it by virtiofs",
    );
  }
}

/** The configuration of a VM, from a checked request; NICs are added to it afterwards, with their descriptors. */
export function planVm(
  request: StartRequest,
  config: CloudHypervisorConfig,
  version: Version,
  paths: SandboxPaths,
): VmConfig {
  const { guest } = config;
  const vcpus = vcpusOf(request, guest);
  const image = imageDevices(config, version);
  const share = request.share?.kind === ShareKind.VIRTIOFS ? request.share : undefined;
  return {
    cpus: {
      boot_vcpus: vcpus,
      max_vcpus: Math.max(vcpus, config.maxVcpus),
      // The VMM's own choice is on, which gives the guest more of the host's KVM to attack.
      ...(atLeast(version, 50) && { nested: config.nested }),
    },
    memory: {
      size: memoryMibOf(request, guest) * MIB,
      // virtiofsd maps the guest's memory. Without it private memory is cheaper: it may have huge pages.
      shared: share !== undefined,
      hugepages: config.hugepages,
      prefault: config.memoryPrealloc,
      ...(config.memoryHotplugMib > 0 && {
        hotplug_method: "Acpi" as const,
        hotplug_size: config.memoryHotplugMib * MIB,
      }),
    },
    payload: {
      kernel: guest.kernelPath,
      cmdline: kernelParams(request, config),
      ...(guest.initrdPath && { initramfs: guest.initrdPath }),
    },
    ...image,
    ...(share && {
      fs: [fsConfig("share", share)],
    }),
    vsock: { id: "vsock", cid: GUEST_CID, socket: paths.vsock },
    ...(config.entropySource && { rng: { src: config.entropySource } }),
    balloon: { size: 0, deflate_on_oom: true, free_page_reporting: true },
    // Without a word on both the VMM would take its own stdin and stdout for a terminal.
    console: { mode: "Off" },
    serial: { mode: "Socket", socket: paths.consoleSocket },
    ...(config.landlock && { landlock_enable: true, landlock_rules: landlockRules(config, paths) }),
  };
}

/** A disk of a guest. */
export function diskConfig(
  id: string,
  path: string,
  readonly: boolean,
  serial: string,
  version: Version,
): DiskConfig {
  return { id, path, readonly, serial, ...(atLeast(version, 50, 1) && { image_type: "Raw" }) };
}

/** A share by virtiofs. */
export function fsConfig(id: string, { tag, socketPath }: Pick<Share, "tag" | "socketPath">): FsConfig {
  return { id, tag, socket: socketPath, num_queues: 1, queue_size: FS_QUEUE_SIZE };
}

/** A NIC. */
export function netConfig(id: string, mac: string, queuePairs: number): NetConfig {
  // Its MTU is the tap's, which the VMM reads by itself.
  return {
    id,
    mac: mac.toLowerCase(),
    num_queues: 2 * queuePairs,
    queue_size: NET_QUEUE_SIZE,
  };
}

/** Queue pairs that a NIC of a request gets: no more than there are vCPUs, the VMM refuses others. */
export function queuePairs(request: StartRequest, config: CloudHypervisorConfig, queues: number): number {
  return Math.max(1, Math.min(queues, vcpusOf(request, config.guest)));
}

function imageDevices(
  { guest, imageDevice }: CloudHypervisorConfig,
  version: Version,
): { disks?: DiskConfig[]; pmem?: PmemConfig[] } {
  if (!guest.imagePath) return {};
  return imageDevice === "pmem"
    ? { pmem: [{ id: IMAGE_ID, file: guest.imagePath, discard_writes: true }] }
    : { disks: [diskConfig(IMAGE_ID, guest.imagePath, true, IMAGE_ID, version)] };
}

function kernelParams(request: StartRequest, config: CloudHypervisorConfig): string {
  const { imagePath, initrdPath } = config.guest;
  const root = config.imageDevice === "pmem" ? "/dev/pmem0" : "/dev/vda";
  const own = [
    "console=ttyS0",
    // A panic resets the machine, and the driver makes that the end of the VM.
    "panic=-1",
    ...(imagePath && !initrdPath ? [`root=${root}`, "ro"] : []),
  ];
  return kernelParamsOf(own, request, config.guest);
}

/** What is in the configuration is allowed without a rule; here is what comes later. */
function landlockRules({ landlockPaths }: CloudHypervisorConfig, { vmDir }: SandboxPaths): LandlockRule[] {
  return [{ path: vmDir, access: "rw" }, ...landlockPaths.map((path) => ({ path, access: "rw" as const }))];
}
