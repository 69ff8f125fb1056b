import { listenHybrid } from "../../drivers/contract/readiness.ts";
import { waitForFile } from "../../drivers/contract/wait_for_file.ts";
import { KuasarError } from "../../lib/errors/mod.ts";
import { onEnding } from "../../lib/process/mod.ts";
import type { NodePrograms } from "../../deploy/programs.ts";

/** Longer than any boot under emulation. */
const TIMEOUT_MS = 60_000;

/** What a VM without anything around it is started with. */
export interface RawBootOptions {
  programs: NodePrograms;
  memoryMib: number;
  /** As the driver's. */
  kernelParams: string;
  accel: "kvm" | "tcg";
}

/**
 * Boots kernel and initrd in a bare QEMU with only vsock and the share that the agent mounts, and returns the ms from QEMU's start to the agent's first
 * word. The floor for RunPodSandbox: nothing of ours runs beside the agent.
 */
export async function rawBoot(options: RawBootOptions): Promise<number> {
  const { programs } = options;
  const dir = await Deno.makeTempDir({ prefix: "kb-" });
  await Deno.mkdir(`${dir}/share`);
  const readiness = listenHybrid(`${dir}/vm.vsock_1027`);
  const helper = new Deno.Command(programs.tools.vhostDeviceVsock, {
    args: ["--guest-cid", "3", "--socket", `${dir}/vhost.sock`, "--uds-path", `${dir}/vm.vsock`],
    stdout: "null",
    stderr: "null",
  }).spawn();
  let vmm: Deno.ChildProcess | undefined;
  const forget = onEnding(() => Promise.resolve(readiness.close()));
  try {
    await waitForFile(`${dir}/vhost.sock`, TIMEOUT_MS, AbortSignal.timeout(TIMEOUT_MS));
    const begin = performance.now();
    vmm = new Deno.Command(programs.tools.qemu, {
      args: qemuArguments(options, dir),
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const timer = setTimeout(() => readiness.close(), TIMEOUT_MS);
    try {
      await readiness.ready;
    } catch (cause) {
      const console = await Deno.readTextFile(`${dir}/console.log`).catch(() => "");
      throw new KuasarError("ABORTED", "Cannot boot a bare VM", {
        cause,
        evidence: console.split("\n").slice(-15),
      });
    } finally {
      clearTimeout(timer);
    }
    return performance.now() - begin;
  } finally {
    forget();
    readiness.close();
    for (const process of [vmm, helper]) {
      try {
        process?.kill("SIGKILL");
      } catch {
        // has ended already
      }
      await process?.status;
    }
    await Deno.remove(dir, { recursive: true });
  }
}

function qemuArguments({ programs, memoryMib, kernelParams, accel }: RawBootOptions, dir: string): string[] {
  const machine =
    `q35,accel=${accel},memory-backend=mem,usb=off,sata=off,smbus=off,vmport=off,smm=off,graphics=off,` +
    "i8042=off,hpet=off";
  return [
    ...["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
    ...["-machine", machine, "-cpu", accel === "kvm" ? "host" : "max", "-m", `${memoryMib}M`],
    ...["-object", `memory-backend-memfd,id=mem,size=${memoryMib}M,share=on`],
    ...["-kernel", programs.kernel, "-initrd", programs.initrd],
    ...["-append", `console=ttyS0 panic=-1 task.sharefs_type=9p ${kernelParams}`],
    ...["-bios", "qboot.rom"],
    ...["-fsdev", `local,id=share,path=${dir}/share,security_model=none`],
    ...["-device", "virtio-9p-pci-non-transitional,fsdev=share,mount_tag=kuasar"],
    ...["-serial", `file:${dir}/console.log`],
    ...["-chardev", `socket,id=vsock,path=${dir}/vhost.sock`],
    ...["-device", "vhost-user-vsock-pci-non-transitional,chardev=vsock"],
  ];
}
