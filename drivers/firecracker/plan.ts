import { KuasarError } from "../../lib/errors/mod.ts";
import type { StartRequest } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { ShareKind } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import type { SandboxPaths } from "../contract/sandbox_paths.ts";
import { powerOffParams } from "../contract/vm/power_off.ts";
import { checkGuestRequest, kernelParamsOf, memoryMibOf, vcpusOf } from "../contract/vm/request.ts";
import type {
  Balloon,
  BootSource,
  Drive,
  MachineConfig,
  NetworkInterface,
  Serial,
  Vsock,
} from "./api_types.ts";
import { type FirecrackerConfig, maxDevices, maxNics } from "./config.ts";
import { EMPTY } from "./drive_paths.ts";

/** Each VM has a vsock of its own, so all may have the same CID. */
const GUEST_CID = 3;

/** Where the first device on MMIO is, and its interrupt. */
const MMIO_BASE = 0xc000_1000;
const FIRST_IRQ = 5;

/** A VM in the words of the API. */
export interface VmPlan {
  machine: MachineConfig;
  bootSource: BootSource;
  /** In the order in which the guest finds them. */
  drives: Drive[];
  nics: NetworkInterface[];
  vsock: Vsock;
  entropy: boolean;
  balloon: Balloon | undefined;
  serial: Serial;
}

/**
 * Checks everything in a request that does not need the host.
 *
 * @throws {KuasarError} INVALID_ARGUMENT
 */
export function checkRequest(request: StartRequest, config: FirecrackerConfig): void {
  const limits = {
    maxVcpus: 32,
    minMemoryMib: 64,
    maxMemoryMib: 16 * 1024 * 1024,
    maxNics: maxNics(config),
  };
  const params = [kernelParams(request, config), ...paramsOfVmm(request, config)].join(" ");
  checkGuestRequest(request, config.guest, limits, params);
  const { share, nics } = request;
  if (share !== undefined && share.kind !== ShareKind.BLOCK) {
    throw invalid("its share is a directory, and Firecracker shares none; let its containers have disks");
  }
  if (new Set(nics.map(({ netnsPath }) => netnsPath)).size > 1) {
    throw invalid("its taps are in several network namespaces, and Firecracker opens them by name in one");
  }
  const several = nics.find(({ queues }) => queues > 1);
  if (several) {
    throw invalid(`the tap ${several.tap} has ${several.queues} queues, and Firecracker opens one`);
  }
  if (config.hugepages && memoryMibOf(request, config.guest) % 2 !== 0) {
    throw invalid("its memory is no multiple of 2 MiB, which huge pages need");
  }
}

/** A VM, from a checked request. */
export function planVm(request: StartRequest, config: FirecrackerConfig, paths: SandboxPaths): VmPlan {
  const { guest } = config;
  return {
    machine: {
      vcpu_count: vcpusOf(request, guest),
      mem_size_mib: memoryMibOf(request, guest),
      smt: false,
      ...(config.hugepages && { huge_pages: "2M" as const }),
    },
    bootSource: {
      kernel_image_path: guest.kernelPath,
      ...(guest.initrdPath && { initrd_path: guest.initrdPath }),
      boot_args: kernelParams(request, config),
    },
    drives: drives(config),
    nics: request.nics.map(({ tap, mac }, index) => ({
      iface_id: `nic${index}`,
      host_dev_name: tap,
      guest_mac: mac.toLowerCase(),
    })),
    // Below the directory in which the VMM runs.
    vsock: { guest_cid: GUEST_CID, uds_path: paths.vsock.slice(paths.vmDir.length + 1) },
    entropy: config.entropy,
    balloon: config.balloon ? { amount_mib: 0, deflate_on_oom: true } : undefined,
    serial: { serial_out_path: paths.consoleSocket },
  };
}

/** The image that a guest boots from, then the places, read-only ones first. */
function drives({ guest, places, blockIo }: FirecrackerConfig): Drive[] {
  const all = [
    ...(guest.imagePath ? [{ path: guest.imagePath, root: guest.initrdPath === "", readOnly: true }] : []),
    ...Array.from({ length: places.readOnly }, () => ({ path: EMPTY, root: false, readOnly: true })),
    ...Array.from({ length: places.writable }, () => ({ path: EMPTY, root: false, readOnly: false })),
  ];
  return all.map(({ path, root, readOnly }, index): Drive => ({
    drive_id: guestName(index),
    path_on_host: path,
    is_root_device: root,
    is_read_only: readOnly,
    cache_type: readOnly ? "Unsafe" : "Writeback",
    io_engine: blockIo,
  }));
}

/** The name that the guest's kernel gives to its `index`th disk; it is also the drive's id, which tells where the guest finds it. */
export function guestName(index: number): string {
  const letter = (n: number) => String.fromCharCode("a".charCodeAt(0) + n);
  return index < 26 ? `vd${letter(index)}` : `vd${letter(Math.floor(index / 26) - 1)}${letter(index % 26)}`;
}

function kernelParams(request: StartRequest, config: FirecrackerConfig): string {
  const own = [
    "console=ttyS0",
    "panic=-1",
    ...powerOffParams(),
  ];
  return kernelParamsOf(own, request, config.guest);
}

/** What Firecracker puts behind the kernel's parameters, and refuses to start where there is no room for it. */
function paramsOfVmm(request: StartRequest, config: FirecrackerConfig): string[] {
  const { guest, pci } = config;
  const root = guest.imagePath && !guest.initrdPath ? ["root=/dev/vda", "ro"] : [];
  if (pci) return root;
  const devices = maxDevices(config) - maxNics(config) + request.nics.length;
  const places = Array.from(
    { length: devices },
    (_, index) => `virtio_mmio.device=4K@0x${(MMIO_BASE + index * 0x1000).toString(16)}:${FIRST_IRQ + index}`,
  );
  return ["pci=off", ...root, ...places];
}

function invalid(reason: string): KuasarError {
  return new KuasarError("INVALID_ARGUMENT", `Cannot start a sandbox: ${reason}`);
}
