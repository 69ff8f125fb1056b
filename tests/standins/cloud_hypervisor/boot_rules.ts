import { exists } from "../../../lib/files/mod.ts";
import { ApiError } from "./api_error.ts";
import { kernelProblem } from "./kernel_file.ts";
import { devicesOf, type NetConfig, type VmConfig } from "./vm_config.ts";

const LAST_CID = 0xfffffffe;
const MAX_SERIAL_BYTES = 20;
const PMEM_ALIGNMENT = 2 * 1024 * 1024;
const MIN_MTU = 1280;

/**
 * What the real program finds wrong with a configuration, which it stores unseen and checks when the VM boots or a
 * device is added.
 *
 * @param version major version
 * @throws {ApiError} 500
 */
export function checkConfig(config: VmConfig, version: number): void {
  const refuse = (reason: string) => {
    throw new ApiError(500, "Error from API", "The VM could not boot", reason);
  };
  const { cpus, memory } = config;
  if (cpus.boot_vcpus > cpus.max_vcpus) refuse("boot vCPUs exceed the maximum");
  if (cpus.boot_vcpus < 1) refuse("Stand-in: a VM without vCPUs");
  if (version >= 52 && memory.shared && memory.mergeable) refuse("shared and mergeable exclude each other");
  if (config.fs?.length && !memory.shared) refuse("virtio-fs needs shared memory");
  if (config.balloon && config.balloon.size >= memory.size) refuse("the balloon is larger than the memory");
  const ids = devicesOf(config).map(({ id }) => id).filter((id) => id !== undefined);
  for (const id of ids) {
    if (id.startsWith("__")) refuse(`the id ${id} is reserved`);
    if (ids.filter((other) => other === id).length > 1) refuse(`the id ${id} is not unique`);
  }
  if (devicesOf(config).some(({ id }) => id === undefined)) {
    refuse("Stand-in: a device has no id, it would get a name that nobody knows");
  }
  for (const disk of config.disks ?? []) {
    if (!disk.vhost_user && !exists(disk.path ?? "")) refuse(`the disk ${disk.path} does not exist`);
    if (!disk.vhost_user && isEmptyFile(disk.path)) {
      refuse(`the disk ${disk.path}: failed to fill whole buffer`);
    }
    if (new TextEncoder().encode(disk.serial ?? "").length > MAX_SERIAL_BYTES) {
      refuse("a serial has more than 20 bytes");
    }
    // Without it a detected raw image refuses writes to its first sector.
    if (version >= 50 && disk.image_type === undefined) refuse("Stand-in: a disk has no image_type");
  }
  for (const net of config.net ?? []) checkNet(net, cpus.boot_vcpus, refuse);
  for (const fs of config.fs ?? []) if (!exists(fs.socket)) refuse(`no virtiofsd listens at ${fs.socket}`);
  for (const { file } of config.pmem ?? []) {
    if (!exists(file)) refuse(`the pmem file ${file} does not exist`);
    else if (Deno.statSync(file).size % PMEM_ALIGNMENT !== 0) refuse(`PmemSizeNotAligned: ${file}`);
  }
  for (const { path } of config.landlock_rules ?? []) {
    if (!exists(path)) refuse(`the path ${path} of landlock_rules does not exist`);
  }
  if (config.vsock) {
    if (config.vsock.cid < 3 || config.vsock.cid > LAST_CID) refuse("the CID is reserved");
  }
}

/**
 * What keeps a checked configuration from booting on this host now.
 *
 * @throws {ApiError} 500
 */
export function checkBoot(config: VmConfig): void {
  const refuse = (reason: string) => {
    throw new ApiError(500, "Error from API", "The VM could not boot", reason);
  };
  const { kernel, initramfs } = config.payload;
  if (kernel === undefined) refuse("Stand-in: it boots kernels only");
  else {
    const problem = kernelProblem(kernel);
    if (problem !== undefined) refuse(problem);
  }
  if (initramfs !== undefined && !exists(initramfs)) refuse(`the initramfs ${initramfs} does not exist`);
  if (config.vsock && exists(config.vsock.socket)) refuse(`${config.vsock.socket}: address in use`);
}

function checkNet(net: NetConfig, vcpus: number, refuse: (reason: string) => void): void {
  const queues = net.num_queues ?? 2;
  if (queues % 2 !== 0 || queues < 2) refuse("the number of queues is odd");
  if (queues / 2 > vcpus) refuse("more queue pairs than vCPUs");
  if (net.mtu !== undefined && net.mtu < MIN_MTU) refuse(`the MTU is below ${MIN_MTU}`);
  if (net.ip !== undefined && net.mask === undefined) refuse("an address without a mask");
}

function isEmptyFile(path: string | undefined): boolean {
  const { isFile, size } = Deno.statSync(path ?? "");
  return isFile && size === 0;
}
