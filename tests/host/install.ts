import { strictEqual } from "node:assert/strict";
import { cniConflist } from "../../deploy/containerd/mod.ts";
import { driverDeployment } from "../../deploy/drivers.ts";
import { hostTools } from "../../deploy/host/mod.ts";
import { buildDir, root } from "../../lib/build/mod.ts";
import { showCheckout, showPath } from "./checkout.ts";
import type { DebianHost } from "./debian_host.ts";
import type { HostMachine } from "./machine.ts";

/** The kinds of pods whose programs are free and can be had: of the others only stand-ins run here. */
export const KINDS = ["runc", "gvisor", "wasm", "qemu"] as const;
export type Kind = (typeof KINDS)[number];

/** Writes files of the machine. */
async function write(machine: HostMachine, files: Readonly<Record<string, string>>): Promise<void> {
  const one = ([path, text]: [string, string]) =>
    `mkdir -p $(dirname ${path}) && printf '%s' '${text.replaceAll("'", `'\\''`)}' > ${path}`;
  await machine.must(Object.entries(files).map(one).join(" && "));
}

/**
 * What a node has before us: containerd 2, which is no package of Debian 12 and 13, and a network for pods.
 */
export async function prepareNode(machine: HostMachine): Promise<void> {
  const { cniBinDir, containerd, runc } = hostTools();
  await showPath(machine, `${buildDir}/host`);
  const bin = containerd.slice(0, containerd.lastIndexOf("/"));
  const sbin = runc.slice(0, runc.lastIndexOf("/"));
  await write(machine, {
    "/etc/containerd/config.toml": `version = 3
imports = ["/etc/containerd/conf.d/*.toml"]

[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ["${cniBinDir}"]
`,
    "/etc/cni/net.d/10-pods.conflist": cniConflist({ subnet: "10.244.1.0/24", dataDir: "/var/lib/cni" }),
    "/etc/systemd/system/containerd.service": `[Unit]
Description=containerd
After=network.target
[Service]
Type=notify
Environment=PATH=/usr/local/sbin:/usr/local/bin:${bin}:${sbin}:/usr/sbin:/usr/bin:/sbin:/bin
ExecStart=${containerd}
Delegate=yes
KillMode=process
Restart=always
RestartSec=5
LimitNOFILE=infinity
[Install]
WantedBy=multi-user.target
`,
  });
  await machine.must("systemctl daemon-reload && systemctl enable --now containerd");
}

/** docs/install.md, from a checkout. */
export async function install(machine: HostMachine): Promise<void> {
  const deno = await showCheckout(machine);
  await machine.must(`${deno} run -A --no-check ${root}/deploy/install/main.ts --no-setup`);
  const tools = hostTools();
  const files: Record<string, string> = {
    "/var/lib/kuasar/storage.toml.d/50-host.toml":
      `[virtiofsd]\npath = "${tools.virtiofsd}"\n[block]\nmkfs_erofs = "${tools.mkfsErofs}"\n`,
  };
  for (const kind of KINDS) {
    const { configFile, configuration } = driverDeployment(kind);
    files[`/var/lib/kuasar/${configFile}.d/50-host.toml`] = configuration({
      tools: { ...tools },
      agent: "/usr/local/lib/kuasar/agent",
      kernel: "/var/lib/kuasar/vmlinux.bin",
      bzImage: "/var/lib/kuasar/vmlinuz",
      initrd: "/var/lib/kuasar/kuasar.initrd",
      image: "/var/lib/kuasar/kuasar.img",
      memoryMib: 256,
    });
  }
  await write(machine, files);
  await machine.must(
    "systemctl daemon-reload && systemctl enable --now kuasar.target && systemctl restart containerd",
  );
}

/** As documented; nothing stays. */
export async function uninstall({ machine }: DebianHost): Promise<void> {
  const deno = await showCheckout(machine);
  await machine.must("systemctl disable kuasar.target && systemctl start stop-kuasar.target");
  await machine.must(`${deno} run -A --no-check ${root}/deploy/install/main.ts --uninstall --purge`);
  await machine.must("systemctl daemon-reload && systemctl restart containerd");
  const left = await machine.must(
    "ls -d /usr/local/bin/*kuasar* /usr/local/lib/kuasar /usr/local/lib/systemd/system/kuasar* /var/lib/kuasar " +
      "/run/kuasar /var/cache/kuasar 2>/dev/null; pgrep -a kuasar; true",
  );
  strictEqual(left, "");
}
