import { deepStrictEqual, match, strictEqual, throws } from "node:assert/strict";
import { type Build, type CommandLine, parseCommandLine } from "./command_line.ts";

const BUILD: Build = { version: "2.5.0", features: ["vhost_vsock"] };
const KERNEL = ["-kernel", "/k", "-initrd", "/i"];
const BASE = ["-machine", "microvm", ...KERNEL, "-m", "256M", "-qmp", "unix:/q,server,nowait"];
const PCI = [
  "-machine",
  "q35,mem-share=on",
  ...KERNEL,
  "-drive",
  "file=/f,if=pflash,unit=0,readonly=true",
];

function parse(args: readonly string[], build = BUILD): CommandLine {
  const asked = parseCommandLine(args, build);
  if (asked.kind !== "run") throw new Error("it asks for the version");
  return asked.line;
}

Deno.test("a line of the real program is understood", () => {
  const line = parse([
    ...PCI,
    "-smp",
    "cpus=2",
    "-m",
    "1G",
    "-S",
    "-device",
    "pcie-root-port,id=rp0,port=0x1,bus=pcie.0,addr=0x4",
  ]);
  deepStrictEqual([line.machine, line.memoryShared, line.vcpus, line.memoryMib, line.frozen], [
    "q35",
    true,
    2,
    1024,
    true,
  ]);
  deepStrictEqual(line.devices, [{ kind: "port", id: "rp0" }]);
  strictEqual(parseCommandLine(["-version"], BUILD).kind, "version");
});

for (
  const [what, args, message] of [
    ["an option that it does not know", [...BASE, "-enable-kvm"], /Found argument '-enable-kvm'/],
    ["a pid file without -daemonize", [...BASE, "-pidfile", "/p"], /-pidfile/],
    ["an option without its value", ["-kernel"], /requires a value/],
    [
      "a property that it does not know",
      [...BASE, "-drive", "id=a,file=/x,scsi=off"],
      /unexpected argument 'scsi'/,
    ],
    ["a property twice", [...BASE, "-drive", "id=a,file=/x,file=/y"], /given twice/],
    ["no kernel", ["-machine", "microvm"], /kernel path is empty/],
    ["too little memory", ["-machine", "microvm", ...KERNEL, "-m", "64M"], /Memory size/],
    ["another machine", [...BASE, "-machine", "pc"], /Unsupported machine type/],
    ["q35 without firmware", ["-machine", "q35", ...KERNEL], /pflash/],
    ["neither an initrd nor a disk", ["-machine", "microvm", "-kernel", "/k"], /set a initrd or drive_file/],
    ["a device of the other bus", [...BASE, "-device", "virtio-balloon-pci,id=b"], /no device of a microvm/],
    ["a PCI device without its place", [...PCI, "-device", "virtio-balloon-pci,id=b"], /'bus' is required/],
    [
      "a root port elsewhere",
      [...PCI, "-device", "pcie-root-port,id=r,port=1,bus=pcie.0,addr=0x40"],
      /is not in/,
    ],
    ["a descriptor that is not open", [...BASE, "-netdev", "tap,id=n,fd=900000"], /is not open/],
    ["fd and fds", [...BASE, "-netdev", "tap,id=n,fd=3,fds=3:4"], /exclude/],
    [
      "a NIC without its backend",
      [...BASE, "-device", "virtio-net-device,id=n,netdev=n,mac=m"],
      /netdev "n"/,
    ],
    ["a disk without its backend", [...BASE, "-device", "virtio-blk-device,id=n,drive=d"], /drive "d"/],
    ["several queues of a microvm", [
      ...[...BASE, "-device", "virtio-net-device,id=n,netdev=n,mac=m,mq=on"],
    ], /unexpected argument 'mq'/],
    ["a share without shared memory", [
      ...[...BASE, "-chardev", "socket,id=c,path=/s", "-device", "vhost-user-fs-device,id=f,chardev=c,tag=t"],
    ], /memory must be shared/],
    ["a device that the build has not", [
      ...[
        ...BASE,
        "-object",
        "rng-random,id=r,filename=/dev/urandom",
        "-device",
        "virtio-rng-device,id=g,rng=r",
      ],
    ], /no virtio_rng/],
    ["a reserved CID", [...BASE, "-device", "vhost-vsock-device,id=v,guest-cid=2,vhostfd=0"], /is not in 3/],
    ["another kind of monitor", [...BASE, "-qmp", "stdio"], /Invalid unix socket/],
  ] as const
) {
  Deno.test(`refused as the real one does: ${what}`, () => {
    throws(() => parse(args), (error: Error) => {
      match(error.message, message);
      return true;
    });
  });
}

Deno.test("before 2.5 every device is built in", () => {
  const rng = ["-object", "rng-random,id=r,filename=/dev/urandom", "-device", "virtio-rng-device,id=g,rng=r"];
  deepStrictEqual(parse([...BASE, ...rng], { version: "2.4.0", features: [] }).devices, [{
    kind: "rng",
    object: "r",
  }]);
});
