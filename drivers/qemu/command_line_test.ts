import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { buildArguments } from "./command_line.ts";
import type { LaunchPlan } from "./launch_plan.ts";

const PLAN: LaunchPlan = {
  sandboxId: "s1",
  machine: "q35",
  accel: "tcg",
  cpu: "max",
  vcpus: 2,
  memoryMib: 256,
  memoryPrealloc: false,
  hugepages: false,
  kernel: "/k",
  initrd: "/i",
  image: "",
  firmware: "",
  kernelParams: "console=ttyS0 quiet",
  console: "ttyS0",
  entropySource: "/dev/urandom",
  seccomp: true,
  monitorFd: 3,
  consoleFd: 4,
  vsock: { kind: "hybrid", socket: "/run/x/vhost.sock" },
  share: undefined,
  nics: [],
  hotplug: { kind: "bridge" },
};

/** The values of an option, in order. */
function values(option: string, change: Partial<LaunchPlan> = {}): string[] {
  const args = buildArguments({ ...PLAN, ...change });
  return args.flatMap((arg, i) => arg === option ? [args[i + 1]!] : []);
}

Deno.test("the whole line of the smallest VM", () => {
  deepStrictEqual(buildArguments(PLAN).join(" ").split(" -").map((s, i) => i ? `-${s}` : s), [
    "-name guest=s1,debug-threads=on",
    "-nodefaults",
    "-no-user-config",
    "-display none",
    "-no-reboot",
    "-msg timestamp=on",
    "-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
    "-machine q35,accel=tcg,memory-backend=mem,dump-guest-core=off,mem-merge=off,usb=off,sata=off,smbus=off," +
    "vmport=off,smm=off,graphics=off,i8042=off,hpet=off",
    "-cpu max",
    "-smp cpus=2,cores=2,threads=1,sockets=1",
    "-m 256M",
    "-object memory-backend-memfd,id=mem,size=256M,share=on",
    "-kernel /k",
    "-append console=ttyS0 quiet",
    "-initrd /i",
    "-chardev socket,id=qmp,fd=3,server=on,wait=off",
    "-mon chardev=qmp,mode=control",
    "-chardev socket,id=console,fd=4,server=on,wait=off",
    "-serial chardev:console",
    "-device pcie-pci-bridge,id=hotplug,bus=pcie.0,addr=0x10",
    "-device virtio-balloon-pci-non-transitional,id=balloon,free-page-reporting=on,bus=hotplug,addr=0x1f",
    "-object rng-random,id=rng,filename=/dev/urandom",
    "-device virtio-rng-pci-non-transitional,rng=rng",
    "-chardev socket,id=vsock,path=/run/x/vhost.sock",
    "-device vhost-user-vsock-pci-non-transitional,id=vsock,chardev=vsock",
  ]);
});

Deno.test("a comma in a value cannot begin another key", () => {
  deepStrictEqual(
    values("-fsdev", {
      share: { kind: "9p", dir: "/a,b,readonly=on", tag: "kuasar", multidevs: "remap", directIo: false },
    }),
    ["local,id=share,path=/a,,b,,readonly=on,security_model=none,multidevs=remap"],
  );
  ok(
    values("-chardev", { vsock: { kind: "hybrid", socket: "/x,server=on" } })
      .includes("socket,id=vsock,path=/x,,server=on"),
  );
  ok(values("-blockdev", { image: "/x,y" })[0]!.endsWith("filename=/x,,y"));
});

Deno.test("kernel vsock takes the CID and the fd that hold it", () => {
  const devices = values("-device", { vsock: { kind: "kernel", cid: 77, vhostFd: 5, secretPort: 1023 } });
  ok(devices.includes("vhost-vsock-pci-non-transitional,id=vsock,guest-cid=77,vhostfd=5"));
});

Deno.test("virtiofs and 9p shares", () => {
  const virtiofs = { share: { kind: "virtiofs", socket: "/s", tag: "kuasar" } } as const;
  ok(values("-chardev", virtiofs).includes("socket,id=share,path=/s"));
  ok(
    values("-device", virtiofs).includes(
      "vhost-user-fs-pci,id=share,chardev=share,tag=kuasar,queue-size=1024",
    ),
  );
  const ninep = {
    share: { kind: "9p", dir: "/d", tag: "kuasar", multidevs: "remap", directIo: true },
  } as const;
  deepStrictEqual(values("-fsdev", ninep), [
    "local,id=share,path=/d,security_model=none,multidevs=remap,writeout=immediate",
  ]);
  ok(
    values("-device", ninep).includes("virtio-9p-pci-non-transitional,id=share,fsdev=share,mount_tag=kuasar"),
  );
});

Deno.test("NICs take their queues by fd; several queues ask for as many vectors", () => {
  const nics = [
    { fds: [5], mac: "02:00:00:00:00:01", mtu: 0 },
    { fds: [6, 7, 8], mac: "02:00:00:00:00:02", mtu: 1450 },
  ];
  deepStrictEqual(values("-netdev", { nics }), ["tap,id=net0,fd=5", "tap,id=net1,fds=6:7:8"]);
  deepStrictEqual(values("-device", { nics }).filter((d) => d.startsWith("virtio-net")), [
    "virtio-net-pci-non-transitional,id=nic0,netdev=net0,mac=02:00:00:00:00:01,romfile=",
    "virtio-net-pci-non-transitional,id=nic1,netdev=net1,mac=02:00:00:00:00:02,romfile=,host_mtu=1450,mq=on,vectors=8",
  ]);
});

Deno.test("aarch64 has the virt machine and root ports for hot-plug", () => {
  const arm = {
    machine: "virt",
    accel: "kvm",
    cpu: "host,pmu=off",
    console: "ttyAMA0",
    hotplug: { kind: "ports", count: 9 },
  } as const;
  deepStrictEqual(values("-machine", arm), [
    "virt,accel=kvm,memory-backend=mem,dump-guest-core=off,mem-merge=off,usb=off,gic-version=host",
  ]);
  const ports = values("-device", arm).filter((device) => device.startsWith("pcie-root-port"));
  strictEqual(ports.length, 9);
  strictEqual(
    ports[0],
    "pcie-root-port,id=rp0,bus=pcie.0,addr=0x10.0,multifunction=on,chassis=1,slot=1,io-reserve=0",
  );
  strictEqual(
    ports[8],
    "pcie-root-port,id=rp8,bus=pcie.0,addr=0x11.0,multifunction=on,chassis=9,slot=9,io-reserve=0",
  );
});

Deno.test("what is switched off is not on the line", () => {
  deepStrictEqual(values("-sandbox", { seccomp: false }), []);
  strictEqual(values("-object", { entropySource: "" }).length, 1);
  deepStrictEqual(values("-initrd", { initrd: "" }), []);
  strictEqual(values("-serial", { console: "hvc0" }).length, 0);
  deepStrictEqual(values("-bios", { firmware: "/f" }), ["/f"]);
  deepStrictEqual(
    values("-object", { hugepages: true, memoryPrealloc: true })[0],
    [
      "memory-backend-memfd,id=mem,size=256M,share=on,hugetlb=on,prealloc=on",
    ][0],
  );
});

Deno.test("a VM that can grow has places for vCPUs and memory, another none", () => {
  deepStrictEqual(values("-smp"), ["cpus=2,cores=2,threads=1,sockets=1"]);
  const room = { vcpus: 4, memoryMib: 512 };
  deepStrictEqual(values("-smp", { room }), ["cpus=2,maxcpus=4,cores=4,threads=1,sockets=1"]);
  deepStrictEqual(values("-m", { room }), ["256M,slots=16,maxmem=512M"]);
  deepStrictEqual(values("-m", { room: { vcpus: 2, memoryMib: 256 } }), ["256M"]);
});

Deno.test("root ports for VFIO devices stand beside the bridge", () => {
  const ports = values("-device", { hotplug: { kind: "bridge", ports: 9 } })
    .filter((value) => value.startsWith("pcie-root-port"));
  strictEqual(ports.length, 9);
  strictEqual(
    ports[0],
    "pcie-root-port,id=rp0,bus=pcie.0,addr=0x11.0,multifunction=on,chassis=1,slot=1,io-reserve=0",
  );
  strictEqual(
    ports[8],
    "pcie-root-port,id=rp8,bus=pcie.0,addr=0x12.0,multifunction=on,chassis=9,slot=9,io-reserve=0",
  );
});
