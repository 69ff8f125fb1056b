import { strictEqual } from "node:assert/strict";
import { cniConflist, containerdConfig } from "../../deploy/containerd/mod.ts";
import { type DriverDeployment, DRIVERS } from "../../deploy/drivers.ts";
import { nodePrograms } from "../../deploy/programs.ts";
import { root } from "../../lib/build/mod.ts";
import { programUnderTest } from "../standins/mod.ts";

/** Where the machine's containerd listens. */
export const CONTAINERD = "/run/containerd/containerd.sock";

/**
 * Writes below `stage` what a host has besides us: containerd with our drop-in, and where the drivers' programs are. What
 * is no package and not on this host is a stand-in, at the place where the driver and `kuasar-ctl check` look for it.
 */
export async function stageHost(stage: string, drivers: readonly DriverDeployment[]): Promise<void> {
  const programs = nodePrograms();
  const files: Record<string, string> = {
    "/etc/containerd/config.toml": containerdConfig({
      rootDir: "/var/lib/containerd",
      stateDir: "/run/containerd",
      address: CONTAINERD,
      sandboxerSocket: "",
      cniBinDirs: [programs.cniBinDir],
      cniConfDir: "/etc/cni/net.d",
      imports: ["/etc/containerd/conf.d/*.toml"],
      defaultHandler: drivers[0]!.handlers[0],
    }),
    "/etc/cni/net.d/10-test.conflist": cniConflist({ subnet: "10.138.1.0/24", dataDir: "/run/cni" }),
    "/var/lib/kuasar/storage.toml.d/50-host.toml": `[virtiofsd]\npath = "${programs.virtiofsd}"\n` +
      `[block]\nmkfs_erofs = "${programs.tools.mkfsErofs}"\n`,
    "/etc/default/kuasar-sandboxer": "OPTIONS=--log-level debug\n",
    "/etc/systemd/system/containerd.service": `[Unit]
Description=containerd
[Service]
Type=notify
Environment=PATH=/usr/local/bin:${(programs.path ?? []).join(":")}:/usr/sbin:/usr/bin:/sbin:/bin
ExecStart=${programs.containerd} --config /etc/containerd/config.toml
KillMode=process
Delegate=yes
`,
    "/etc/systemd/system/test.target": "[Unit]\nWants=kuasar.target containerd.service\n",
  };
  for (const driver of drivers) {
    const under = await programUnderTest(driver.name);
    if (under && driver.program) {
      await makeFolder(stage + driver.program.path);
      await Deno.copyFile(under.path, stage + driver.program.path);
    }
    files[`/var/lib/kuasar/${driver.configFile}.d/50-host.toml`] = driver.configuration({
      tools: { ...programs.tools, ...under?.tools },
      agent: "/usr/local/lib/kuasar/agent",
      kernel: "/var/lib/kuasar/vmlinux.bin",
      bzImage: "/var/lib/kuasar/vmlinuz",
      initrd: "/var/lib/kuasar/kuasar.initrd",
      image: "/var/lib/kuasar/kuasar.img",
      memoryMib: 256,
    });
  }
  for (const [path, text] of Object.entries(files)) {
    await makeFolder(stage + path);
    await Deno.writeTextFile(stage + path, text);
  }
}

/** Installs what is built below `stage`, with these drivers. */
export async function installInto(
  stage: string,
  drivers: readonly DriverDeployment[] = DRIVERS,
): Promise<void> {
  const args = ["run", "-A", "--no-check", "--quiet", `${root}/deploy/install/main.ts`, "--no-setup"];
  const chosen = ["--hypervisor", drivers.map(({ name }) => name).join(",")];
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args, "--destdir", stage, ...chosen],
  }).output();
  strictEqual(code, 0, new TextDecoder().decode(stderr));
}

async function makeFolder(path: string): Promise<void> {
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
}
