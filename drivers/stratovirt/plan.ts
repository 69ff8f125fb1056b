import { KuasarError } from "../../lib/errors/mod.ts";
import type { StartRequest } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { ShareKind } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import type { SandboxPaths } from "../contract/sandbox_paths.ts";
import { powerOffParams } from "../contract/vm/power_off.ts";
import {
  checkGuestRequest,
  type GuestLimits,
  kernelParamsOf,
  memoryMibOf,
  secretParams,
  vcpusOf,
} from "../contract/vm/request.ts";
import type { StratoVirtConfig } from "./config.ts";
import type { LaunchPlan, VsockPlan } from "./launch_plan.ts";

/** StratoVirt 2.x; a microvm has places for two NICs. */
function limits({ machine }: StratoVirtConfig): GuestLimits {
  return {
    maxVcpus: 254,
    minMemoryMib: 128,
    maxMemoryMib: 512 * 1024,
    maxNics: machine === "microvm" ? 2 : 8,
  };
}

/**
 * Checks everything in a request that does not need the host.
 *
 * @throws {KuasarError} INVALID_ARGUMENT
 */
export function checkRequest(request: StartRequest, config: StratoVirtConfig): void {
  checkGuestRequest(request, config.guest, limits(config), kernelParams(request, config));
  if (request.share?.kind === ShareKind.NINEP) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      "Cannot start a sandbox: its share is 9p, which StratoVirt does not have; share it by virtiofs",
    );
  }
}

/** Queue pairs that a NIC gets: MMIO has one. */
export function queuePairs({ machine }: StratoVirtConfig, queues: number): number {
  return machine === "microvm" ? 1 : Math.max(1, queues);
}

/**
 * The plan of a VM, from a checked request.
 *
 * @param nicFds the inherited queues of each NIC of the request, in order
 */
export function planLaunch(
  request: StartRequest,
  config: StratoVirtConfig,
  paths: SandboxPaths,
  vsock: VsockPlan,
  nicFds: readonly (readonly number[])[],
): LaunchPlan {
  return {
    sandboxId: request.sandboxId,
    machine: config.machine,
    firmware: config.firmware,
    vcpus: vcpusOf(request, config.guest),
    memoryMib: memoryMibOf(request, config.guest),
    memoryPrealloc: config.memoryPrealloc,
    kernel: config.guest.kernelPath,
    initrd: config.guest.initrdPath,
    image: config.guest.imagePath,
    kernelParams: kernelParams(request, config, vsock),
    entropySource: config.entropySource,
    seccomp: config.seccomp,
    monitor: paths.monitor,
    console: paths.consoleSocket,
    vsock,
    share: request.share?.kind === ShareKind.VIRTIOFS
      ? { socket: request.share.socketPath, tag: request.share.tag }
      : undefined,
    nics: request.nics.map(({ mac }, i) => ({ fds: nicFds[i] ?? [], mac: mac.toLowerCase() })),
    ports: config.machine === "microvm" ? 0 : config.hotplugPorts,
  };
}

function kernelParams(request: StartRequest, config: StratoVirtConfig, vsock?: VsockPlan): string {
  const { imagePath, initrdPath } = config.guest;
  const own = [
    config.machine === "virt" ? "console=ttyAMA0" : "console=ttyS0",
    "panic=-1",
    ...(config.machine === "microvm" ? ["pci=off", ...powerOffParams()] : ["pcie_ports=native"]),
    ...(vsock?.kind === "kernel" ? secretParams(vsock) : []),
    ...(imagePath && !initrdPath ? ["root=/dev/vda", "ro"] : []),
  ];
  return kernelParamsOf(own, request, config.guest);
}
