import { KuasarError } from "../../../lib/errors/mod.ts";
import { isMac } from "../../../lib/netlink/mod.ts";
import type { StartRequest } from "../../../lib/proto/gen/kuasar/driver/v1/driver.ts";
import type { GuestConfig } from "./guest_config.ts";
import type { KernelVsock } from "./hypervisor.ts";
import type { Requirement } from "./preflight.ts";
import { ShareKind } from "../../../lib/proto/gen/kuasar/storage/v1/storage.ts";

/** The kernel keeps no more of its command line (COMMAND_LINE_SIZE). */
const MAX_KERNEL_PARAMS_BYTES = 2047;

/** What the agent knows the kinds of shares by. */
const SHARE_TYPES: Readonly<Record<ShareKind, string>> = {
  [ShareKind.VIRTIOFS]: "virtiofs",
  [ShareKind.NINEP]: "9p",
  [ShareKind.BLOCK]: "none",
};

/** What a hypervisor can give to one VM. */
export interface GuestLimits {
  maxVcpus: number;
  minMemoryMib: number;
  maxMemoryMib: number;
  maxNics: number;
}

/** vCPUs of a request's VM. */
export function vcpusOf(request: StartRequest, config: GuestConfig): number {
  return request.vcpus || config.vcpus;
}

/** Memory of a request's VM. */
export function memoryMibOf(request: StartRequest, config: GuestConfig): number {
  return Number(request.memoryMib) || config.memoryMib;
}

/**
 * Checks everything in a request that does not need the host.
 *
 * @param kernelParams the whole command line of the guest's kernel
 * @throws {KuasarError} INVALID_ARGUMENT
 */
export function checkGuestRequest(
  request: StartRequest,
  config: GuestConfig,
  limits: GuestLimits,
  kernelParams: string,
): void {
  const vcpus = vcpusOf(request, config);
  if (vcpus > limits.maxVcpus) throw invalid(`${vcpus} vCPUs are asked for, the limit is ${limits.maxVcpus}`);
  const memory = memoryMibOf(request, config);
  if (memory < limits.minMemoryMib || memory > limits.maxMemoryMib) {
    throw invalid(
      `${memory} MiB of memory are asked for, it must be ${limits.minMemoryMib} to ${limits.maxMemoryMib}`,
    );
  }
  if (request.nics.length > limits.maxNics) {
    throw invalid(`${request.nics.length} NICs are asked for, the limit is ${limits.maxNics}`);
  }
  for (const nic of request.nics) {
    if (!isMac(nic.mac)) {
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
  if (kernelParams.length > MAX_KERNEL_PARAMS_BYTES) {
    throw invalid(
      `the kernel parameters have ${kernelParams.length} bytes, the limit is ${MAX_KERNEL_PARAMS_BYTES}`,
    );
  }
}

/**
 * An emulated timer that comes late, on a host with more to do than CPUs, is no reason for a guest to panic. KVM tells
 * its guests so by itself.
 */
const TIMER = Deno.build.arch === "x86_64" ? ["no_timer_check"] : [];

/** Joins the parts of a kernel command line: ours, the share's kind, the configured ones, the request's. */
export function kernelParamsOf(own: readonly string[], request: StartRequest, config: GuestConfig): string {
  return [
    ...own,
    ...TIMER,
    ...(request.share ? [`task.sharefs_type=${SHARE_TYPES[request.share.kind]}`] : []),
    config.kernelParams,
    ...request.kernelParams,
  ].filter((part) => part !== "").join(" ");
}

/** Tells the agent to let nobody in without the secret, and where it gets that. */
export function secretParams({ secretPort }: KernelVsock): string[] {
  return [`task.secret_port=${secretPort}`];
}

/** What the share of a request needs to be there. */
export function shareRequirements({ share }: StartRequest): Requirement[] {
  const remedy = "create the share first";
  if (share?.kind === ShareKind.VIRTIOFS) {
    return [{ what: "the socket of virtiofsd", path: share.socketPath, remedy }];
  }
  if (share?.kind === ShareKind.NINEP) return [{ what: "the shared directory", path: share.hostDir, remedy }];
  return [];
}

function invalid(reason: string): KuasarError {
  return new KuasarError("INVALID_ARGUMENT", `Cannot start a sandbox: ${reason}`);
}
