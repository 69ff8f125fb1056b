import type { StartRequest } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { type Share, ShareKind } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import type { Accel } from "../contract/vm/accel.ts";
import {
  checkGuestRequest,
  type GuestLimits,
  kernelParamsOf,
  memoryMibOf,
  secretParams,
  vcpusOf,
} from "../contract/vm/request.ts";
import type { QemuConfig } from "./config.ts";
import type { HotplugPlan, LaunchPlan, SharePlan, VsockPlan } from "./launch_plan.ts";

const LIMITS: GuestLimits = {
  maxVcpus: 255,
  minMemoryMib: 64,
  maxMemoryMib: 16 * 1024 * 1024,
  maxNics: 16,
};

/** Below 4 GiB, for each root port of a VFIO device: registers, and not its memory. */
const PORT_MMIO32_MIB = 32;

/** What the steps of a start have opened by the time the command line is built. */
export interface Opened {
  monitorFd: number;
  consoleFd: number;
  vsock: VsockPlan;
  /** The queues of each NIC of the request, in order. */
  nicFds: readonly (readonly number[])[];
}

/** How this configuration plugs disks in. */
export function hotplugPlan(config: QemuConfig): HotplugPlan {
  return config.machine === "q35"
    ? { kind: "bridge", ports: config.pcieRootPorts }
    : { kind: "ports", count: 8 };
}

/**
 * Checks everything in a request that does not need the host.
 *
 * @throws {KuasarError} INVALID_ARGUMENT
 */
export function checkRequest(request: StartRequest, config: QemuConfig): void {
  checkGuestRequest(request, config.guest, LIMITS, kernelParams(request, config));
}

/** The plan of a VM, from a checked request. */
export function planLaunch(
  request: StartRequest,
  config: QemuConfig,
  accel: Accel,
  opened: Opened,
): LaunchPlan {
  const vcpus = vcpusOf(request, config.guest);
  const memoryMib = memoryMibOf(request, config.guest);
  return {
    sandboxId: request.sandboxId,
    machine: config.machine,
    accel,
    cpu: cpu(config, accel),
    vcpus,
    memoryMib,
    room: {
      vcpus: Math.max(vcpus, config.maxVcpus),
      memoryMib: memoryMib + config.memoryHotplugMib + config.pmemHotplugMib,
    },
    memoryPrealloc: config.memoryPrealloc,
    hugepages: config.hugepages,
    kernel: config.guest.kernelPath,
    initrd: config.guest.initrdPath,
    image: config.guest.imagePath,
    firmware: config.firmwarePath,
    kernelParams: kernelParams(request, config, opened.vsock, accel),
    console: config.console,
    entropySource: config.entropySource,
    seccomp: config.seccomp,
    monitorFd: opened.monitorFd,
    consoleFd: opened.consoleFd,
    vsock: opened.vsock,
    share: request.share && planShare(request.share, config),
    nics: request.nics.map((nic, i) => ({
      fds: opened.nicFds[i] ?? [],
      mac: nic.mac.toLowerCase(),
      mtu: nic.mtu,
    })),
    hotplug: hotplugPlan(config),
  };
}

/**
 * `host` exists with KVM only; emulation takes everything that it can emulate, but for string instructions that are fast on no
 * emulated CPU: without them the guest clears and copies memory by words.
 */
function cpu(config: QemuConfig, accel: Accel): string {
  const emulated = config.cpuModel === "host" && accel === "tcg";
  const parts = [
    emulated ? "max" : config.cpuModel,
    ...(emulated && config.machine === "q35" ? ["erms=off", "fsrm=off"] : []),
    config.cpuFeatures,
  ];
  return parts.filter(Boolean).join(",");
}

function kernelParams(
  request: StartRequest,
  config: QemuConfig,
  vsock?: VsockPlan,
  accel?: Accel,
): string {
  const { imagePath, initrdPath } = config.guest;
  const own = [
    `console=${config.console}`,
    // A panic resets the machine, and -no-reboot makes that the end of the VM.
    "panic=-1",
    ...portWindows(config),
    ...(vsock?.kind === "kernel" ? secretParams(vsock) : []),
    ...(accel === "tcg" ? [clearing(request)] : []),
    ...(imagePath && !initrdPath ? ["root=/dev/vda", "ro"] : []),
  ];
  return kernelParamsOf(own, request, config.guest);
}

/**
 * virtiofsd writes into the guest's memory from outside of QEMU, which then goes on with its translation of the code that was in
 * a page before. Where the guest's CPU clears each page that it takes, QEMU sees that (docs/decisions/9p-under-emulation.md).
 * Otherwise this would be a tenth of an emulated boot for nothing.
 */
function clearing({ share }: StartRequest): string {
  return `init_on_alloc=${share?.kind === ShareKind.VIRTIOFS ? 1 : 0}`;
}

/** By itself a guest keeps 2 MiB for what may come at a port, in which no GPU finds room. */
function portWindows({ machine, pcieRootPorts, pcieRootPortMmioMib }: QemuConfig): string[] {
  if (machine !== "q35" || pcieRootPorts === 0) return [];
  return [`pci=hpmmiosize=${PORT_MMIO32_MIB}M,hpmmioprefsize=${pcieRootPortMmioMib}M`];
}

function planShare(share: Share, config: QemuConfig): SharePlan | undefined {
  if (share.kind === ShareKind.BLOCK) return undefined;
  if (share.kind === ShareKind.NINEP) {
    return {
      kind: "9p",
      dir: share.hostDir,
      tag: share.tag,
      multidevs: config.virtio9pMultidevs,
      directIo: config.virtio9pDirectIo,
    };
  }
  return { kind: "virtiofs", socket: share.socketPath, tag: share.tag };
}
