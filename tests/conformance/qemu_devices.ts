import { deepStrictEqual, notStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { hostTools } from "../../deploy/host/mod.ts";
import { type DriverUnderTest, testsOf } from "../../drivers/contract/conformance/mod.ts";
import { waitForFile } from "../../drivers/contract/wait_for_file.ts";
import { killProcess, spawnWithFds } from "../../lib/process/mod.ts";
import { type Share, ShareKind } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";

/** What QEMU has beyond the contract: virtiofs besides 9p, its own confinement. */
export function qemuDeviceTests(driver: DriverUnderTest): void {
  const test = testsOf(driver);

  test("the VMM runs in a network namespace without links, under seccomp", "none", async (process) => {
    const { pid } = await process.start("s1");
    const { pids } = await process.client.status({ sandboxId: "s1" });
    for (const each of pids) {
      notStrictEqual(Deno.readLinkSync(`/proc/${each}/ns/net`), Deno.readLinkSync("/proc/self/ns/net"));
      const links = Deno.readTextFileSync(`/proc/${each}/net/dev`).trim().split("\n").slice(2);
      deepStrictEqual(links.map((line) => line.trim().split(":")[0]).filter((name) => !isFallback(name!)), [
        "lo",
      ]);
    }
    ok(/^Seccomp:\s+2$/m.test(Deno.readTextFileSync(`/proc/${pid}/status`)));
    // Neither a signal to the driver's terminal nor its death reaches it.
    strictEqual(sessionOf(pid), pid);
    await process.client.remove({ sandboxId: "s1" });
  });

  test("a virtiofs share connects to the daemon that listens", "none", async (process) => {
    const hostDir = `${process.runDir}/shared`;
    const socketPath = `${process.runDir}/fs.sock`;
    await Deno.mkdir(hostDir);
    const args = ["--shared-dir", hostDir, "--socket-path", socketPath, "--sandbox", "none"];
    const daemon = await spawnWithFds(hostTools().virtiofsd, args);
    try {
      await waitForFile(socketPath, 10_000);
      const { guest } = await process.start("s1", { share: { ...SHARE, hostDir, socketPath } });
      await driver.ping(guest!);
      await process.client.remove({ sandboxId: "s1" });
      deepStrictEqual(await daemon.exited, { code: 0, signal: null }, "it ends with its VM");
    } finally {
      killProcess(daemon.ref, "SIGKILL");
      await daemon.exited;
    }
    await rejects(process.start("s1", { share: { ...SHARE, socketPath: `${process.runDir}/no.sock` } }), {
      code: "FAILED_PRECONDITION",
    });
  });
}

const SHARE: Share = {
  kind: ShareKind.VIRTIOFS,
  tag: "kuasar",
  hostDir: "",
  socketPath: "",
  guestDir: "/run/kuasar/state",
};

/** Devices that some kernels put into every new namespace. */
function isFallback(name: string): boolean {
  return /^(tunl|gre|gretap|erspan|ip_vti|ip6_vti|sit|ip6tnl|ip6gre|teql)\d*$/.test(name);
}

function sessionOf(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[3]);
}
