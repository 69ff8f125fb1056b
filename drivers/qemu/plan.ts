import { KuasarError } from "../../lib/errors/mod.ts";
import type { StartRequest } from "../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import { type Share, ShareKind } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import type { QemuConfig } from "./config.ts";
import type { Accel, HotplugPlan, LaunchPlan, SharePlan, VsockPlan } from "./launch_plan.ts";

const MAX_VCPUS = 255;
const MIN_MEMORY_MIB = 64;
const MAX_MEMORY_MIB = 16 * 1024 * 1024;
const MAX_NICS = 16;

/** The kernel keeps no more of its command line (COMMAND_LINE_SIZE). */
const MAX_KERNEL_PARAMS_BYTES = 2047;

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
  return config.machine === "q35" ? { kind: "bridge" } : { kind: "ports", count: 8 };
}

/**
 * Checks everything in a request that does not need the host.
 *
 * @throws {KuasarError} INVALID_ARGUMENT
 */
export function checkRequest(request: StartRequest, config: QemuConfig): void {
  const vcpus = request.vcpus || config.vcpus;
  if (vcpus > MAX_VCPUS) throw invalid(`${vcpus} vCPUs are asked for, the limit is ${MAX_VCPUS}`);
  const memory = memoryMib(request, config);
  if (memory < MIN_MEMORY_MIB || memory > MAX_MEMORY_MIB) {
    throw invalid(`${memory} MiB of memory are asked for, it must be ${MIN_MEMORY_MIB} to ${MAX_MEMORY_MIB}`);
  }
  if (request.nics.length > MAX_NICS) {
    throw invalid(`${request.nics.length} NICs are asked for, the limit is ${MAX_NICS}`);
  }
  for (const nic of request.nics) {
    if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(nic.mac)) {
      throw invalid(`${JSON.stringify(nic.mac)} is no MAC address`);
    }
    if (nic.mtu !== 0 && (nic.mtu < 68 || nic.mtu > 65535)) {
      throw invalid(`the MTU ${nic.mtu} is not 68 to 65535`);
    }
  }
  for (const param of request.kernelParams) {
    // A newline or a quote could change what other parameters mean.
    if (!/^[\x21\x23-\x7e]+$/.test(param)) throw invalid(`${JSON.stringify(param)} is no kernel parameter`);
  }
  const params = kernelParams(request, config);
  if (params.length > MAX_KERNEL_PARAMS_BYTES) {
    throw invalid(
      `the kernel parameters have ${params.length} bytes, the limit is ${MAX_KERNEL_PARAMS_BYTES}`,
    );
  }
}

/** The plan of a VM, from a checked request. */
export function planLaunch(
  request: StartRequest,
  config: QemuConfig,
  accel: Accel,
  opened: Opened,
): LaunchPlan {
  return {
    sandboxId: request.sandboxId,
    machine: config.machine,
    accel,
    cpu: cpu(config, accel),
    vcpus: request.vcpus || config.vcpus,
    memoryMib: memoryMib(request, config),
    memoryPrealloc: config.memoryPrealloc,
    hugepages: config.hugepages,
    kernel: config.kernelPath,
    initrd: config.initrdPath,
    image: config.imagePath,
    firmware: config.firmwarePath,
    kernelParams: kernelParams(request, config),
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

function memoryMib(request: StartRequest, config: QemuConfig): number {
  return Number(request.memoryMib) || config.memoryMib;
}

/** `host` exists with KVM only; emulation takes everything that it can emulate. */
function cpu(config: QemuConfig, accel: Accel): string {
  const model = config.cpuModel === "host" && accel === "tcg" ? "max" : config.cpuModel;
  return config.cpuFeatures ? `${model},${config.cpuFeatures}` : model;
}

function kernelParams(request: StartRequest, config: QemuConfig): string {
  return [
    `console=${config.console}`,
    // A panic resets the machine, and -no-reboot makes that the end of the VM.
    "panic=-1",
    ...(config.imagePath && !config.initrdPath ? ["root=/dev/vda", "ro"] : []),
    ...(request.share
      ? [`task.sharefs_type=${request.share.kind === ShareKind.NINEP ? "9p" : "virtiofs"}`]
      : []),
    config.kernelParams,
    ...request.kernelParams,
  ].filter((part) => part !== "").join(" ");
}

function planShare(share: Share, config: QemuConfig): SharePlan {
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

function invalid(reason: string): KuasarError {
  return new KuasarError("INVALID_ARGUMENT", `Cannot start a sandbox: ${reason}`);
}
