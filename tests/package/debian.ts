import { strictEqual } from "node:assert/strict";
import type { Suite } from "../../lib/build/mod.ts";
import { buildRootfs } from "../host/rootfs.ts";
import { SystemdMachine } from "../systemd/machine.ts";

/** Where the machine finds what it is given. */
export const GIVEN = "/srv/given";

/** What a program of the machine sees of the test: nothing. */
const ENVIRONMENT = [
  "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  "HOME=/root",
  "DEBIAN_FRONTEND=noninteractive",
];

/** Below these, Debian's tools and systemd keep notes of what has been. */
const NOTES =
  /^\/(var\/(log|cache|lib\/(dpkg|apt|systemd))|tmp|srv|run\/(systemd|adduser|agetty\.reload))(\/|$)/;

/** A clean Debian whose apt needs no network, with systemd as PID 1 of namespaces. */
export class DebianMachine {
  readonly #machine: SystemdMachine;
  readonly #base: string;

  private constructor(machine: SystemdMachine, base: string) {
    this.#machine = machine;
    this.#base = base;
  }

  /** @param files of this host that the machine gets, in {@link GIVEN} */
  static async boot(suite: Suite, files: readonly string[]): Promise<DebianMachine> {
    const rootfs = await buildRootfs({
      name: `rootfs-package-${suite}`,
      suite,
      variant: "minbase",
      packages: ["systemd-sysv", "dbus", "udev", "kmod", "iproute2", "netbase", "procps", "ca-certificates"],
      // What the packages depend on.
      downloaded: ["qemu-system-x86", "erofs-utils", "containernetworking-plugins", "iptables"],
    });
    const base = await Deno.makeTempDir({ prefix: "kpk-" });
    const given = `${base}/stage${GIVEN}`;
    await Deno.mkdir(given, { recursive: true });
    for (const file of files) await Deno.copyFile(file, `${given}/${file.slice(file.lastIndexOf("/") + 1)}`);
    try {
      const machine = new DebianMachine(await SystemdMachine.boot(base, "multi-user.target", rootfs), base);
      await machine.run("systemctl", "is-system-running", "--wait");
      return machine;
    } catch (error) {
      await Deno.remove(base, { recursive: true });
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.#machine.stop();
    await Deno.remove(this.#base, { recursive: true });
  }

  /** A path of the machine as this host reaches it. */
  path(path: string): string {
    return this.#machine.path(path);
  }

  run(...command: string[]): Promise<{ code: number; text: string }> {
    return this.#machine.run("env", "-i", ...ENVIRONMENT, ...command);
  }

  /** Runs a command that must not fail. @returns what it has printed */
  async done(...command: string[]): Promise<string> {
    const { code, text } = await this.run(...command);
    strictEqual(code, 0, `${command.join(" ")}: ${text}`);
    return text;
  }

  /** Starts a command whose output is read while it runs. */
  start(...command: string[]): Deno.ChildProcess {
    const enter = ["--all", "--root", "--wd", "--target", String(this.#machine.pid)];
    return new Deno.Command("nsenter", {
      args: [...enter, "env", "-i", ...ENVIRONMENT, ...command],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
  }

  /** The main process of a service, on the machine. */
  async mainPid(unit: string): Promise<string> {
    return (await this.done("systemctl", "show", "--property=MainPID", "--value", unit)).trim();
  }

  /** What there is and no package has brought: files but for notes of Debian's tools, processes, mounts, cgroups, links. */
  async inventory(): Promise<Set<string>> {
    const lines = async (what: string, ...command: string[]) =>
      (await this.done(...command)).split("\n").filter(Boolean).map((line) => `${what} ${line}`);
    const brought = new Set(
      (await this.done("sh", "-c", "cat /var/lib/dpkg/info/*.list")).split("\n").map((path) =>
        // These are links into /usr.
        path.replace(/^\/(?=(bin|sbin|lib|lib64)\/)/, "/usr/")
      ),
    );
    const files = await lines("file", "find", "/", "/run", "-xdev", "-not", "-path", "/proc/*");
    return new Set([
      ...files.filter((line) => {
        const path = line.slice("file ".length);
        return !NOTES.test(path) && !brought.has(path);
      }),
      ...await lines("process", "ps", "-e", "--format=comm="),
      ...await lines("mount", "findmnt", "--raw", "--noheadings", "--output=TARGET"),
      // Of version 1, the cpusets are those of this host, with other people's in them.
      ...await lines(
        "cgroup",
        ...["find", "/sys/fs/cgroup", "-type", "d", "-iname", "*kuasar*"],
        ...["-not", "-path", "/sys/fs/cgroup/cpuset/*"],
      ),
      ...await lines("link", "sh", "-c", "ip -o link | cut -d: -f2"),
    ]);
  }
}
