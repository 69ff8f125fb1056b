import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { buildArguments } from "./command_line.ts";
import type { LaunchPlan } from "./launch_plan.ts";

const PLAN: LaunchPlan = {
  sandboxId: "s1",
  machine: "microvm",
  firmware: "",
  vcpus: 2,
  memoryMib: 256,
  memoryPrealloc: false,
  kernel: "/k",
  initrd: "/i",
  image: "",
  kernelParams: "console=ttyS0 quiet",
  entropySource: "",
  seccomp: true,
  monitor: "/run/x/qmp.sock",
  console: "/run/x/console.sock",
  vsock: { kind: "kernel", cid: 7, vhostFd: 3, secretPort: 1023 },
  share: undefined,
  nics: [],
  ports: 0,
};

const Q35: Partial<LaunchPlan> = { machine: "q35", firmware: "/OVMF.fd", ports: 2 };

/** The values of an option, in order. */
function values(option: string, change: Partial<LaunchPlan> = {}): string[] {
  const args = buildArguments({ ...PLAN, ...change });
  return args.flatMap((arg, i) => arg === option ? [args[i + 1]!] : []);
}

Deno.test("the whole line of the smallest VM", () => {
  deepStrictEqual(buildArguments(PLAN).join(" ").split(" -").map((s, i) => i ? `-${s}` : s), [
    "-name s1",
    "-machine microvm,dump-guest-core=off",
    "-smp cpus=2",
    "-m 256M",
    "-kernel /k",
    "-append console=ttyS0 quiet",
    "-initrd /i",
    "-S",
    "-qmp unix:/run/x/qmp.sock,server,nowait",
    "-serial socket,path=/run/x/console.sock,server,nowait",
    "-device virtio-balloon-device,id=balloon,deflate-on-oom=true,free-page-reporting=true",
    "-device vhost-vsock-device,id=vsock,guest-cid=7,vhostfd=3",
  ]);
});

Deno.test("a machine on PCIe boots from firmware, every device has its own place, disks have root ports", () => {
  const share = { socket: "/fs.sock", tag: "kuasar" };
  const nics = [{ fds: [4, 5], mac: "02:00:00:00:00:01" }, { fds: [6], mac: "02:00:00:00:00:02" }];
  const change = { ...Q35, share, nics, image: "/img", entropySource: "/dev/urandom" };
  deepStrictEqual(values("-drive", change), [
    "file=/OVMF.fd,if=pflash,unit=0,readonly=true",
    "id=image,file=/img,readonly=on,direct=off",
  ]);
  deepStrictEqual(values("-global", change), ["pcie-root-port.fast-unplug=1"]);
  const devices = values("-device", change);
  ok(devices.every((device) => /,bus=pcie\.0,addr=0x[0-9a-f]+$/.test(device)), devices.join("\n"));
  strictEqual(new Set(devices.map((device) => device.split("addr=")[1])).size, devices.length);
  deepStrictEqual(
    devices.filter((device) => device.startsWith("virtio-net-pci")).map((d) => d.slice(0, 60)),
    [
      "virtio-net-pci,id=nic0,netdev=net0,mac=02:00:00:00:00:01,mq=",
      "virtio-net-pci,id=nic1,netdev=net1,mac=02:00:00:00:00:02,bus",
    ],
  );
  deepStrictEqual(values("-netdev", change), ["tap,id=net0,fds=4:5", "tap,id=net1,fd=6"]);
  deepStrictEqual(devices.slice(-2).map((device) => device.split(",")[1]), ["id=rp0", "id=rp1"]);
});

Deno.test("memory is shared with whoever maps it from outside, and with nobody else", () => {
  const shared = "microvm,dump-guest-core=off,mem-share=on";
  deepStrictEqual(values("-machine", { share: { socket: "/s", tag: "t" } }), [shared]);
  deepStrictEqual(values("-machine", { vsock: { kind: "vhost-user", socket: "/v" } }), [shared]);
});

Deno.test("seccomp is StratoVirt's default, and can be turned off", () => {
  strictEqual(buildArguments(PLAN).includes("-disable-seccomp"), false);
  ok(buildArguments({ ...PLAN, seccomp: false }).includes("-disable-seccomp"));
});
