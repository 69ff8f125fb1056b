import {
  BRIDGE_ID,
  BRIDGE_RESIDENT,
  type HotplugPlan,
  type LaunchPlan,
  type NicPlan,
  portCount,
  portId,
  type SharePlan,
  type VsockPlan,
} from "./launch_plan.ts";

/** How often memory can be plugged in. */
const MEMORY_SLOTS = 16;

/**
 * QEMU's arguments for a plan.
 *
 * Everything of a VM that does not change is on the command line; only disks are plugged later. Devices are
 * modern-only virtio on PCIe, so that no I/O port space is needed.
 */
export function buildArguments(plan: LaunchPlan): string[] {
  return [
    ...process(plan),
    ...machine(plan),
    ...boot(plan),
    ...monitor(plan),
    ...consoleDevice(plan),
    ...hotplug(plan.hotplug),
    ...basicDevices(plan),
    ...vsock(plan.vsock),
    ...(plan.share ? share(plan.share) : []),
    ...plan.nics.flatMap(nic),
  ];
}

/** A value inside a comma-separated option: QEMU wants commas doubled. */
function quote(value: string): string {
  return value.replaceAll(",", ",,");
}

function process(plan: LaunchPlan): string[] {
  const args = [
    "-name",
    `guest=${quote(plan.sandboxId)},debug-threads=on`,
    "-nodefaults",
    "-no-user-config",
    "-display",
    "none",
    // A guest that resets (a panic does, with panic=-1) ends the VM.
    "-no-reboot",
    "-msg",
    "timestamp=on",
  ];
  // The driver passes every fd and never asks QEMU to spawn or to change its user, so all may be denied.
  if (plan.seccomp) {
    args.push("-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
  }
  return args;
}

/** All in one socket: what is plugged in later is a core of it. */
function smp({ vcpus, room }: LaunchPlan): string {
  const most = Math.max(vcpus, room?.vcpus ?? 0);
  return `cpus=${vcpus},${most > vcpus ? `maxcpus=${most},` : ""}cores=${most},threads=1,sockets=1`;
}

function memorySize({ memoryMib, room }: LaunchPlan): string {
  const most = room?.memoryMib ?? 0;
  return most > memoryMib ? `${memoryMib}M,slots=${MEMORY_SLOTS},maxmem=${most}M` : `${memoryMib}M`;
}

function machine(plan: LaunchPlan): string[] {
  const common = `accel=${plan.accel},memory-backend=mem,dump-guest-core=off,mem-merge=off`;
  const type = plan.machine === "q35"
    // What no guest of ours looks at is left out: each device costs the guest time to probe.
    ? `q35,${common},usb=off,sata=off,smbus=off,vmport=off,smm=off,graphics=off,i8042=off,hpet=off`
    : `virt,${common},usb=off${plan.accel === "kvm" ? ",gic-version=host" : ""}`;
  // virtiofsd and vhost-device-vsock map the guest's memory, so it is always a shared memfd.
  const memory = [`memory-backend-memfd,id=mem,size=${plan.memoryMib}M,share=on`];
  if (plan.hugepages) memory.push("hugetlb=on");
  if (plan.memoryPrealloc) memory.push("prealloc=on");
  return [
    "-machine",
    type,
    "-cpu",
    plan.cpu,
    "-smp",
    smp(plan),
    "-m",
    memorySize(plan),
    "-object",
    memory.join(","),
    ...(plan.firmware ? ["-bios", plan.firmware] : []),
  ];
}

function boot(plan: LaunchPlan): string[] {
  const args = ["-kernel", plan.kernel, "-append", plan.kernelParams];
  if (plan.initrd) args.push("-initrd", plan.initrd);
  if (plan.image) {
    args.push(
      "-blockdev",
      `driver=raw,node-name=image,read-only=on,file.driver=file,file.filename=${quote(plan.image)}`,
      "-device",
      "virtio-blk-pci-non-transitional,drive=image,id=image,serial=image",
    );
  }
  return args;
}

function monitor(plan: LaunchPlan): string[] {
  // The driver made this socket and connects before QEMU runs; nobody waits for a file to appear.
  return [
    "-chardev",
    `socket,id=qmp,fd=${plan.monitorFd},server=on,wait=off`,
    "-mon",
    "chardev=qmp,mode=control",
  ];
}

function consoleDevice(plan: LaunchPlan): string[] {
  // The driver's connection is in the queue already, so waiting for it costs nothing and loses no line.
  const backend = ["-chardev", `socket,id=console,fd=${plan.consoleFd},server=on,wait=off`];
  if (plan.console !== "hvc0") return [...backend, "-serial", "chardev:console"];
  return [
    ...backend,
    "-device",
    "virtio-serial-pci-non-transitional,id=serial,max_ports=1",
    "-device",
    "virtconsole,chardev=console,id=console",
  ];
}

function basicDevices(plan: LaunchPlan): string[] {
  // A firmware without PCI set-up (qboot) leaves the bridge's windows to the guest, which opens them only for
  // devices that it finds: 1 MiB each, enough for all that are plugged in later.
  const place = plan.hotplug.kind === "bridge"
    ? `,bus=${BRIDGE_RESIDENT.bus},addr=${BRIDGE_RESIDENT.addr}`
    : "";
  const args = ["-device", `virtio-balloon-pci-non-transitional,id=balloon,free-page-reporting=on${place}`];
  if (plan.entropySource) {
    args.push(
      "-object",
      `rng-random,id=rng,filename=${quote(plan.entropySource)}`,
      "-device",
      "virtio-rng-pci-non-transitional,rng=rng",
    );
  }
  return args;
}

function vsock(plan: VsockPlan): string[] {
  if (plan.kind === "kernel") {
    return [
      "-device",
      `vhost-vsock-pci-non-transitional,id=vsock,guest-cid=${plan.cid},vhostfd=${plan.vhostFd}`,
    ];
  }
  return [
    "-chardev",
    `socket,id=vsock,path=${quote(plan.socket)}`,
    "-device",
    "vhost-user-vsock-pci-non-transitional,id=vsock,chardev=vsock",
  ];
}

function share(plan: SharePlan): string[] {
  if (plan.kind === "virtiofs") {
    return [
      "-chardev",
      `socket,id=share,path=${quote(plan.socket)}`,
      "-device",
      `vhost-user-fs-pci,id=share,chardev=share,tag=${quote(plan.tag)},queue-size=1024`,
    ];
  }
  return [
    "-fsdev",
    // Inode numbers of several host file systems under one share must not collide.
    `local,id=share,path=${quote(plan.dir)},security_model=none,multidevs=${plan.multidevs}` +
    (plan.directIo ? ",writeout=immediate" : ""),
    "-device",
    `virtio-9p-pci-non-transitional,id=share,fsdev=share,mount_tag=${quote(plan.tag)}`,
  ];
}

function nic(plan: NicPlan, index: number): string[] {
  const queues = plan.fds.length;
  const device = [
    `virtio-net-pci-non-transitional,id=nic${index},netdev=net${index},mac=${plan.mac},romfile=`,
  ];
  if (plan.mtu > 0) device.push(`host_mtu=${plan.mtu}`);
  // Two vectors for each queue pair, one for configuration, one for control.
  if (queues > 1) device.push(`mq=on,vectors=${2 * queues + 2}`);
  const fds = queues > 1 ? `fds=${plan.fds.join(":")}` : `fd=${plan.fds[0]}`;
  return ["-netdev", `tap,id=net${index},${fds}`, "-device", device.join(",")];
}

function hotplug(plan: HotplugPlan): string[] {
  const args = plan.kind === "bridge"
    ? ["-device", `pcie-pci-bridge,id=${BRIDGE_ID},bus=pcie.0,addr=0x10`]
    : [];
  const first = plan.kind === "bridge" ? 0x11 : 0x10;
  for (let i = 0; i < portCount(plan); i++) {
    // Eight functions share a slot. No I/O window: there are not enough of them, and our devices need none.
    const address = `0x${(first + Math.floor(i / 8)).toString(16)}.${i % 8}`;
    const multifunction = i % 8 === 0 ? ",multifunction=on" : "";
    args.push(
      "-device",
      `pcie-root-port,id=${portId(i)},bus=pcie.0,addr=${address}${multifunction},chassis=${i + 1},slot=${
        i + 1
      },` +
        "io-reserve=0",
    );
  }
  return args;
}
