import { type LaunchPlan, type NicPlan, portId } from "./launch_plan.ts";

/** The first place on the bus that is not the host bridge. */
const FIRST_PLACE = 1;

/**
 * StratoVirt's arguments for a plan.
 *
 * Its vCPUs wait (`-S`) until the driver has reached the monitor and the console, so that no line of the guest is lost.
 * StratoVirt knows no escape for a comma, so paths must not hold one; `checkPaths` in hypervisor.ts sees to that.
 */
export function buildArguments(plan: LaunchPlan): string[] {
  const devices = new DeviceList(plan.machine === "microvm");
  addDevices(devices, plan);
  return [
    ...["-name", plan.sandboxId],
    ...["-machine", machine(plan)],
    ...["-smp", `cpus=${plan.vcpus}`, "-m", `${plan.memoryMib}M`],
    ...(plan.memoryPrealloc ? ["-mem-prealloc"] : []),
    ...(plan.firmware ? ["-drive", `file=${plan.firmware},if=pflash,unit=0,readonly=true`] : []),
    ...["-kernel", plan.kernel, "-append", plan.kernelParams],
    ...(plan.initrd ? ["-initrd", plan.initrd] : []),
    "-S",
    ...["-qmp", `unix:${plan.monitor},server,nowait`],
    ...["-serial", `socket,path=${plan.console},server,nowait`],
    // Shortens the time for which the indicator of a port blinks.
    ...(plan.machine === "microvm" ? [] : ["-global", "pcie-root-port.fast-unplug=1"]),
    ...(plan.seccomp ? [] : ["-disable-seccomp"]),
    ...devices.args,
  ];
}

/** Whoever maps the guest's memory from outside needs it to be shared. */
function machine({ machine, share, vsock }: LaunchPlan): string {
  const shared = share !== undefined || vsock.kind === "vhost-user";
  return `${machine},dump-guest-core=off${shared ? ",mem-share=on" : ""}`;
}

/** Devices of one machine: named for its bus, and each at a place of its own where there are places. */
class DeviceList {
  readonly args: string[] = [];
  readonly #mmio: boolean;
  #place = FIRST_PLACE;

  constructor(mmio: boolean) {
    this.#mmio = mmio;
  }

  /** @param driver without the bus: `virtio-net` is `virtio-net-device` or `virtio-net-pci` */
  add(driver: string, ...properties: string[]): void {
    const suffix = this.#mmio ? "device" : "pci";
    const place = this.#mmio ? [] : this.#nextPlace();
    this.args.push("-device", [`${driver}-${suffix}`, ...properties, ...place].join(","));
  }

  /** What exists on PCIe only. */
  addPort(id: string, port: number): void {
    this.args.push(
      "-device",
      [`pcie-root-port,id=${id},port=0x${port.toString(16)}`, ...this.#nextPlace()].join(","),
    );
  }

  option(flag: string, value: string): void {
    this.args.push(flag, value);
  }

  #nextPlace(): string[] {
    return ["bus=pcie.0", `addr=0x${(this.#place++).toString(16)}`];
  }
}

function addDevices(devices: DeviceList, plan: LaunchPlan): void {
  if (plan.image) {
    devices.option("-drive", `id=image,file=${plan.image},readonly=on,direct=off`);
    devices.add("virtio-blk", "id=image", "drive=image", "serial=image");
  }
  if (plan.entropySource) {
    devices.option("-object", `rng-random,id=entropy,filename=${plan.entropySource}`);
    devices.add("virtio-rng", "id=rng", "rng=entropy");
  }
  // Memory that the guest does not use goes back to the host.
  devices.add("virtio-balloon", "id=balloon", "deflate-on-oom=true", "free-page-reporting=true");
  const { vsock, share } = plan;
  if (vsock.kind === "kernel") {
    devices.add("vhost-vsock", "id=vsock", `guest-cid=${vsock.cid}`, `vhostfd=${vsock.vhostFd}`);
  } else {
    devices.option("-chardev", `socket,id=vsock,path=${vsock.socket}`);
    devices.add("vhost-user-vsock", "id=vsock0", "chardev=vsock");
  }
  if (share) {
    devices.option("-chardev", `socket,id=share,path=${share.socket}`);
    devices.add("vhost-user-fs", "id=share0", "chardev=share", `tag=${share.tag}`);
  }
  plan.nics.forEach((nic, index) => addNic(devices, nic, index));
  for (let i = 0; i < plan.ports; i++) devices.addPort(portId(i), i + 1);
}

function addNic(devices: DeviceList, { fds, mac }: NicPlan, index: number): void {
  const several = fds.length > 1;
  devices.option("-netdev", `tap,id=net${index},${several ? `fds=${fds.join(":")}` : `fd=${fds[0]}`}`);
  devices.add(
    "virtio-net",
    `id=nic${index}`,
    `netdev=net${index}`,
    `mac=${mac}`,
    ...(several ? ["mq=on"] : []),
  );
}
