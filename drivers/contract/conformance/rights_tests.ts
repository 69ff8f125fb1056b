import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { parseMountinfo } from "../../../lib/mounts/mod.ts";
import type { DriverTest } from "./mod.ts";
import type { DriverUnderTest } from "./subject.ts";

/** The most that any process of a VM may have: those of a server of a directory, and a VMM's own taps (CAP_* of capabilities(7)). */
const ALLOWED = [0, 1, 3, 4, 6, 7, 12, 27, 31].reduce((bits, number) => bits | 1n << BigInt(number), 0n);

/** Namespaces that no process of a VM shares with the host. */
const OWN_NAMESPACES = ["mnt", "ipc", "net"];

function statusOf(pid: number): Map<string, string> {
  const lines = Deno.readTextFileSync(`/proc/${pid}/status`).split("\n");
  return new Map(lines.map((line) => line.split(":\t", 2) as [string, string]));
}

function filesOf(pid: number): string[] {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].flatMap(({ name }) => {
    try {
      return [Deno.readLinkSync(`/proc/${pid}/fd/${name}`)];
    } catch {
      return []; // Closed meanwhile.
    }
  });
}

/** Listening sockets by their inode, as the links of descriptors name them. */
function listening(path: string): string | undefined {
  const line = Deno.readTextFileSync("/proc/net/unix").split("\n").find((line) => line.endsWith(` ${path}`));
  return line === undefined ? undefined : `socket:[${line.trim().split(/\s+/)[6]}]`;
}

/** Where something is mounted in the root of a process. */
function mountPointsOf(pid: number): string[] {
  return parseMountinfo(Deno.readTextFileSync(`/proc/${pid}/mountinfo`)).map(({ mountPoint }) => mountPoint);
}

/** Asserts that a client which goes through a process's root, as `nerdctl cp` does, meets none of the host's files. */
function assertEmptyRoot(pid: number, name: string, seen: readonly string[]): void {
  const root = `/proc/${pid}/root`;
  const foreign = mountPointsOf(pid)
    .filter((point) =>
      !["/", "/proc", "/dev/null", "/dev/urandom", ...seen].some((own) =>
        point === own || point.startsWith(`${own}/`)
      )
    );
  deepStrictEqual(foreign, [], `${name} sees files of the host`);
  for (const path of ["/etc/hostname", "/usr/lib", "/bin/sh", "/dev/kvm", "/tmp", "/root"]) {
    throws(() => Deno.lstatSync(root + path), Deno.errors.NotFound, `${name} has ${path}`);
  }
  for (const path of ["/copied", "/proc/copied"]) {
    throws(
      () => Deno.writeTextFileSync(root + path, ""),
      /\(os error (30|2)\)/,
      `${name}: ${path} was written`,
    );
  }
}

/** What the VMM and its helpers may do on the host: no more than they must. */
export function rightsTests(test: DriverTest, driver: DriverUnderTest): void {
  test("no process of a sandbox has more rights than it needs", "none", async (process) => {
    const { pid: vmmPid } = await process.start("s1");
    const pids = process.helpers();
    ok(pids.includes(vmmPid));
    const driverSocket = listening(`${process.runDir}/driver-${driver.name}.sock`);
    ok(driverSocket, "the driver listens");
    const share = await driver.share?.(process.runDir);
    const seen = [`${process.driverDir}/s1/vm`, ...(share ? [share.hostDir] : [])];
    for (const pid of pids) {
      const status = statusOf(pid);
      const name = status.get("Name") ?? "";
      for (const set of ["CapPrm", "CapEff", "CapBnd", "CapAmb"]) {
        strictEqual(BigInt(`0x${status.get(set)}`) & ~ALLOWED, 0n, `${name}: ${set} is ${status.get(set)}`);
      }
      strictEqual(status.get("NoNewPrivs"), "1", name);
      if (name.startsWith("vhost-device")) strictEqual(status.get("Seccomp"), "2", name);
      // It has a number in two PID namespaces, and the one of its own has nobody else's processes.
      strictEqual(status.get("NSpid")?.split("\t").length, 2, `${name}: NSpid is ${status.get("NSpid")}`);
      for (const kind of OWN_NAMESPACES) {
        const [own, host] = [pid, "self"].map((of) => Deno.readLinkSync(`/proc/${of}/ns/${kind}`));
        ok(own !== host, `${name} is in the host's ${kind} namespace`);
      }
      const { soft, hard } = /^Max core file size\s+(?<soft>\S+)\s+(?<hard>\S+)/m
        .exec(Deno.readTextFileSync(`/proc/${pid}/limits`))!.groups!;
      deepStrictEqual([soft, hard], ["0", "0"], `${name} may leave a core file`);
      const files = filesOf(pid);
      ok(!files.includes(driverSocket), `${name} holds the driver's socket`);
      deepStrictEqual(files.filter((file) => file.includes("state.db")), [], name);
      if (driver.ownRoot) assertEmptyRoot(pid, name, seen);
    }
    await process.client.stop({ sandboxId: "s1", graceMs: 0 });
    await process.client.remove({ sandboxId: "s1" });
  });
}
