import { hostTools } from "../../deploy/host/mod.ts";
import { nodePrograms } from "../../deploy/programs.ts";
import { cpio } from "../../image/cpio.ts";
import type { Entry } from "../../image/entry.ts";
import { fileURLToPath } from "node:url";

const INIT = fileURLToPath(new URL("init.sh", import.meta.url));
const MEMORY_MIB = 3072;
/** The line by which the job tells its exit code on the console. */
const EXIT = /^== exit (\d+)$/m;

/** How a job ended. */
export interface JobResult {
  /** Exit code of the job; undefined where the machine has ended without it. */
  code: number | undefined;
  console: string;
}

/**
 * Runs a shell script in a VM that has this host's files, read-only with its own writes on top, and cgroups of version 2 only:
 * what a host of today is.
 *
 * @param timeoutMs for all of it; then the machine is switched off
 * @param options `systemd`: as a unit of the host's own systemd, which is the first process
 */
export async function runOnCgroup2(
  script: string,
  timeoutMs: number,
  { systemd = false } = {},
): Promise<JobResult> {
  const dir = await Deno.makeTempDir({ prefix: "cgroup2-" });
  try {
    const job =
      `export PATH="${Deno.env.get("PATH")}" HOME="${
        Deno.env.get("HOME") ?? "/root"
      }" TMPDIR=/run/tmp NO_COLOR=1\n` +
      `cd "${Deno.cwd()}"\n(${script}\n)\necho "== exit $?"\n/run/busybox poweroff -f\n`;
    await Deno.writeFile(
      `${dir}/initrd`,
      cpio([
        { kind: "directory", path: "bin", mode: 0o755, origin: "" },
        file("bin/busybox", await Deno.readFile(hostTools().busyboxStatic)),
        file("init", await Deno.readFile(INIT)),
        file("job", new TextEncoder().encode(job)),
        ...(systemd ? [file("systemd", new Uint8Array())] : []),
      ]),
    );
    const { tools, kernel } = nodePrograms();
    const child = new Deno.Command(tools.qemu, {
      args: [
        ...["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-bios", "qboot.rom"],
        ...["-machine", "q35,usb=off,sata=off,smbus=off,vmport=off,graphics=off,i8042=off,hpet=off"],
        ...["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", `${MEMORY_MIB}M`],
        ...["-kernel", kernel, "-initrd", `${dir}/initrd`],
        ...["-append", "console=ttyS0 panic=-1 quiet no_timer_check"],
        ...["-fsdev", "local,id=root,path=/,security_model=none,multidevs=remap,readonly=on"],
        ...["-device", "virtio-9p-pci-non-transitional,fsdev=root,mount_tag=root"],
        ...["-device", "virtio-rng-pci-non-transitional"],
        ...["-serial", `file:${dir}/console.log`],
      ],
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
    }).spawn();
    const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
    await child.status;
    clearTimeout(timer);
    const console = (await Deno.readTextFile(`${dir}/console.log`)).replaceAll("\r", "");
    const code = EXIT.exec(console)?.[1];
    return { code: code === undefined ? undefined : Number(code), console };
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

function file(path: string, content: Uint8Array): Entry {
  return { kind: "file", path, mode: 0o755, origin: "", content };
}
