import { cniConflist, podSubnet } from "../containerd/mod.ts";

/** The containerd that the packages bring, beside whatever the host has: nothing of it is where another one would look. */
export const OWN_CONTAINERD = {
  unit: "kuasar-containerd.service",
  address: "/run/kuasar-containerd/containerd.sock",
  stateDir: "/run/kuasar-containerd",
  rootDir: "/var/lib/kuasar-containerd",
  config: "/etc/kuasar/containerd.toml",
  cniConfDir: "/etc/kuasar/cni",
} as const;

/** @param handlers the file with our handlers */
export function ownContainerdConfig(handlers: string): string {
  const { address, stateDir, rootDir, config, cniConfDir } = OWN_CONTAINERD;
  return `# containerd of kuasar-programs (${OWN_CONTAINERD.unit}). Drop-ins: ${config}.d/*.toml.
version = 3
imports = ["${handlers}", "${config}.d/*.toml"]
root = "${rootDir}"
state = "${stateDir}"
# Its socket would be the one of another containerd.
disabled_plugins = ["io.containerd.nri.v1.nri"]

[grpc]
  address = "${address}"

[plugins.'io.containerd.internal.v1.opt']
  path = "${rootDir}/opt"

# A network of this host alone. With a network add-on of Kubernetes: conf_dir = "/etc/cni/net.d" in a drop-in.
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ["/opt/cni/bin", "/usr/lib/cni"]
  conf_dir = "${cniConfDir}"
`;
}

/** The network of its pods until there is another. */
export function ownNetwork(): string {
  const { stateDir } = OWN_CONTAINERD;
  return cniConflist({ subnet: podSubnet(stateDir), dataDir: `${stateDir}/ipam`, masquerade: true });
}

/** @param programs folder of containerd and what it calls */
export function ownContainerdUnit(programs: string): string {
  return `[Unit]
Description=containerd of Kuasar
Documentation=file:/usr/share/doc/kuasar/install.md
Wants=kuasar.target
After=network.target local-fs.target kuasar.target
StartLimitIntervalSec=0

[Service]
Type=notify
Environment=PATH=${programs}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ExecStartPre=-/sbin/modprobe overlay
ExecStart=${programs}/containerd --config ${OWN_CONTAINERD.config}
# After a boot it looks at every pod that there was, however slow the host: who is ended meanwhile begins anew.
TimeoutStartSec=infinity
Restart=always
RestartSec=5s
# Containers outlive it.
KillMode=process
Delegate=yes
OOMScoreAdjust=-999
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity

[Install]
WantedBy=multi-user.target
`;
}
