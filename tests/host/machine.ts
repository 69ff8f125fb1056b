import { hostTools } from "../../deploy/host/mod.ts";
import { KuasarError } from "../../lib/errors/mod.ts";
import type { CommandResult } from "../harness/mod.ts";
import { type HostImage, READY_LINE } from "./image.ts";

/** Two as the hosts that the tests run on; 4 GiB hold a few guests beside everything else. */
const SIZE = ["-smp", "2", "-m", "4096"];

/** Emulated, and beside whatever else this host does. */
const BOOT_TIMEOUT_MS = 1_800_000;
const RUN_TIMEOUT_MS = 1_800_000;

/** Of times in /proc, on every architecture of ours. */
const TICKS_PER_S = 100;

/** So much of the console is kept for a failure. */
const KEPT_CONSOLE = 100_000;

/** The socket of the machine's containerd, which the packages bring. */
export const CONTAINERD = "/run/kuasar-containerd/containerd.sock";

const running = new Set<HostMachine>();
let listening = false;

/** Makes SIGTERM and SIGINT end the machines first: they would outlive this process. */
function stopMachinesAtSignals(): void {
  if (listening) return;
  listening = true;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    Deno.addSignalListener(signal, async () => {
      await Promise.allSettled([...running].map((machine) => machine.stop()));
      Deno.exit(1);
    });
  }
}

/** A Debian host of its own in QEMU, emulated: what is written to its disk is gone with it. */
export class HostMachine {
  /** Of this run; `cm` is ssh's connection, `containerd.sock` leads to {@link CONTAINERD}. */
  readonly #dir: string;
  readonly #image: HostImage;
  readonly #port: number;
  readonly #qemu: Deno.ChildProcess;
  readonly #ended: Promise<void>;
  #console = "";
  /** Called at each end of a boot. */
  #onReady = () => {};

  private constructor(dir: string, image: HostImage, port: number, qemu: Deno.ChildProcess) {
    this.#dir = dir;
    this.#image = image;
    this.#port = port;
    this.#qemu = qemu;
    this.#ended = this.#readConsole();
  }

  /** @throws KuasarError DEADLINE_EXCEEDED or UNAVAILABLE with the end of its console */
  static async boot(image: HostImage): Promise<HostMachine> {
    const dir = await Deno.makeTempDir({ prefix: "kh-" });
    const port = freePort();
    const qemu = new Deno.Command(hostTools().qemu, {
      args: qemuArgs(image, port),
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const machine = new HostMachine(dir, image, port, qemu);
    stopMachinesAtSignals();
    running.add(machine);
    try {
      await machine.#ready(() => Promise.resolve());
      return machine;
    } catch (error) {
      await machine.stop();
      throw error;
    }
  }

  /** The socket that leads to the machine's containerd; it stays the same over reboots. */
  get containerd(): string {
    return `${this.#dir}/containerd.sock`;
  }

  /** Runs a shell script as root. */
  async run(script: string, timeoutMs = RUN_TIMEOUT_MS): Promise<CommandResult> {
    const child = new Deno.Command("ssh", {
      args: [...this.#ssh(), "root@127.0.0.1", script],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
    try {
      const { code, stdout, stderr } = await child.output();
      const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
      return { code, stdout: text(stdout), stderr: text(stderr) };
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Runs a shell script that must succeed.
   *
   * @returns what it wrote to stdout
   * @throws KuasarError INTERNAL with all that it wrote
   */
  async must(script: string, timeoutMs = RUN_TIMEOUT_MS): Promise<string> {
    const { code, stdout, stderr } = await this.run(script, timeoutMs);
    if (code === 0) return stdout;
    const lines = `${stdout}${stderr}`.trimEnd().split("\n").slice(-40);
    throw new KuasarError("INTERNAL", `Cannot run ${JSON.stringify(script)}: code ${code}`, {
      evidence: lines,
    });
  }

  /** Seconds of this host's CPUs that the machine has used: unlike time, they tell the same on a busy host. */
  get cpuSeconds(): number {
    const stat = Deno.readTextFileSync(`/proc/${this.#qemu.pid}/stat`);
    const [user, system] = stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 13);
    return (Number(user) + Number(system)) / TICKS_PER_S;
  }

  /** Boots it again, as its user would. */
  async reboot(): Promise<void> {
    await this.#ready(async () => {
      await this.must("systemctl reboot");
    });
  }

  /** Switches it off at once and forgets what it wrote. */
  async stop(): Promise<void> {
    running.delete(this);
    try {
      this.#qemu.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#ended;
    await Deno.remove(this.#dir, { recursive: true });
  }

  /** The last lines of the console. */
  consoleTail(count = 40): string[] {
    return this.#console.trimEnd().split("\n").slice(-count);
  }

  #ssh(): string[] {
    const options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"];
    return [
      ...["-F", "none", "-i", this.#image.privateKey, "-p", String(this.#port), "-S", `${this.#dir}/cm`],
      ...options.flatMap((option) => ["-o", option]),
    ];
  }

  async #ready(begin: () => Promise<void>): Promise<void> {
    const problem = (code: "UNAVAILABLE" | "DEADLINE_EXCEEDED", why: string) =>
      new KuasarError(code, `Cannot boot the machine: ${why}`, { evidence: this.consoleTail() });
    const booted = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(problem("DEADLINE_EXCEEDED", `not ready after ${BOOT_TIMEOUT_MS} ms`)),
        BOOT_TIMEOUT_MS,
      );
      this.#onReady = () => (clearTimeout(timer), resolve());
      this.#ended.then(() => (clearTimeout(timer), reject(problem("UNAVAILABLE", "QEMU has ended"))));
    });
    // Whoever fails first.
    booted.catch(() => {});
    await begin();
    await booted;
    await this.#connect();
  }

  /** One connection for all calls, and for the socket of containerd. */
  async #connect(): Promise<void> {
    const master = ["-M", "-f", "-N", "-o", "StreamLocalBindUnlink=yes", "-o", "ConnectTimeout=120"];
    const { success } = await new Deno.Command("ssh", {
      args: [...this.#ssh(), ...master, "-L", `${this.containerd}:${CONTAINERD}`, "root@127.0.0.1"],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    if (!success) {
      throw new KuasarError("UNAVAILABLE", "Cannot reach the machine: ssh fails", {
        evidence: this.consoleTail(),
      });
    }
  }

  async #readConsole(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.#qemu.stdout) {
      const text = decoder.decode(chunk, { stream: true }).replaceAll("\r", "");
      const searched = this.#console.slice(-READY_LINE.length) + text;
      this.#console = (this.#console + text).slice(-KEPT_CONSOLE);
      if (searched.includes(`${READY_LINE}\n`)) this.#onReady();
    }
    await this.#qemu.status;
  }
}

function qemuArgs({ disk, kernel, initrd }: HostImage, port: number): string[] {
  return [
    ...["-nodefaults", "-no-user-config", "-display", "none", "-machine", "q35,usb=off"],
    // Not with KVM, which hosts of tests have not. It shows svm, and guests of the machine have KVM; with pages of five
    // levels every walk would be longer.
    ...["-accel", "tcg,thread=multi,tb-size=512", "-cpu", "max,la57=off", ...SIZE],
    ...["-kernel", kernel, "-initrd", initrd],
    ...["-append", "root=/dev/vda rw console=ttyS0 net.ifnames=0 quiet no_timer_check"],
    ...["-drive", `file=${disk},format=raw,if=none,id=disk,cache=unsafe,snapshot=on`],
    ...["-device", "virtio-blk-pci,drive=disk"],
    ...["-netdev", `user,id=net,hostfwd=tcp:127.0.0.1:${port}-:22`],
    ...["-device", "virtio-net-pci,netdev=net,romfile="],
    ...["-fsdev", "local,id=host,path=/,security_model=none,multidevs=remap,readonly=on"],
    ...["-device", "virtio-9p-pci,fsdev=host,mount_tag=host"],
    ...["-device", "virtio-rng-pci", "-serial", "stdio"],
  ];
}

/** A port of loopback that nobody listens on. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
