import type { DriverDeployment } from "../drivers.ts";

/**
 * What a service may do. Whatever it starts inherits all of it but the devices and the rule about addresses, which hold for
 * the unit's cgroup only: VMMs and virtiofsd are in their pod's.
 */
export interface Powers {
  /** Capabilities that it and its children can have. */
  capabilities: readonly string[];
  /** Address families of sockets; to containerd and between our services they are unix sockets. */
  families: readonly string[];
  /** Kinds of namespaces that it makes and enters; `all` where a sandbox of it makes them all. */
  namespaces: readonly string[] | "all";
  /** Devices besides the usual harmless ones. */
  devices?: readonly string[];
  /** True where it, and not a sandbox of it, speaks TCP. */
  speaksIp?: true;
  /**
   * True where guests write files by it, and may give them the modes that they like, and where paths are opened by openat2:
   * systemd takes that call away together with set-user-id files, because it cannot look into its arguments.
   */
  opensAnyFile?: true;
  /** True where it traces processes of its own. */
  traces?: true;
}

/** Files of other users, mounts and namespaces, ends of processes, limits, and rights to give away when a child starts. */
const OF_ALL = ["SYS_ADMIN", "DAC_OVERRIDE", "KILL", "SYS_RESOURCE"];
/** What a file server needs that acts for the users of a guest, and drops all else. */
const FILE_SERVER = [
  "CHOWN",
  "FOWNER",
  "FSETID",
  "DAC_READ_SEARCH",
  "SETUID",
  "SETGID",
  "SETPCAP",
  "SETFCAP",
];
const DEVICE_FILES = ["MKNOD"];

/** System calls that no pod and no service needs: they concern the machine, or CPUs of another age. */
const FORBIDDEN = ["@swap", "@obsolete", "@clock", "@cpu-emulation", "@module", "@reboot", "@raw-io"];

const UNIX_AND_NETLINK = ["AF_UNIX", "AF_NETLINK"];
/** A pod's namespaces are joined by drivers, and seen by who holds them open. */
const POD_NAMESPACES = ["net", "mnt", "pid", "ipc", "uts"];

/** The powers of the services that every node has. */
export const CORE_POWERS = {
  network: {
    capabilities: ["SYS_ADMIN", "NET_ADMIN", "DAC_OVERRIDE"],
    families: UNIX_AND_NETLINK,
    namespaces: ["net"],
    devices: ["/dev/net/tun"],
  },
  storage: {
    capabilities: [...OF_ALL, ...FILE_SERVER, ...DEVICE_FILES],
    families: UNIX_AND_NETLINK,
    namespaces: ["net", "mnt", "pid"],
    devices: ["block-*"],
    opensAnyFile: true,
  },
  // It speaks to agents, over the kernel's vsock where the host has that, and runs the hooks of tasks without a pod: of
  // nerdctl, which bring them into their networks by CNI plugins.
  sandboxer: {
    capabilities: [
      ...OF_ALL,
      ...["NET_ADMIN", "NET_RAW", "NET_BIND_SERVICE", "MAC_ADMIN", "CHOWN", "FOWNER", "DAC_READ_SEARCH"],
    ],
    families: [...UNIX_AND_NETLINK, "AF_VSOCK", "AF_INET", "AF_INET6", "AF_PACKET"],
    namespaces: ["net", "mnt"],
    devices: ["/dev/net/tun"],
    speaksIp: true,
  },
} as const satisfies Record<string, Powers>;

/** VMMs open taps by their names (AF_INET is what asks the kernel about them), and hand out devices of the host. */
const VM: Powers = {
  capabilities: [
    ...OF_ALL,
    "NET_ADMIN",
    "SYS_PTRACE",
    "SETUID",
    "SETGID",
    "SETPCAP",
    "CHOWN",
    "SYS_CHROOT",
    "IPC_LOCK",
    // Guests tell that they are ready on a port of the kernel's vsock that is root's alone.
    "NET_BIND_SERVICE",
  ],
  families: [...UNIX_AND_NETLINK, "AF_VSOCK", "AF_INET"],
  namespaces: ["net", "mnt", "pid", "ipc"],
  devices: [
    "/dev/kvm",
    "/dev/net/tun",
    "/dev/vhost-net",
    "/dev/vhost-vsock",
    "char-vfio",
    "/dev/vfio/vfio",
    "block-*",
  ],
};

/** The powers of the drivers. SYS_PTRACE is to read the environment of processes of other rights, by which strays are found. */
export const DRIVER_POWERS: Readonly<Record<DriverDeployment["powers"], Powers>> = {
  vm: VM,
  // QEMU serves files by 9p itself, and is given open taps.
  "file-serving-vm": {
    ...VM,
    capabilities: [...new Set([...VM.capabilities, ...FILE_SERVER, ...DEVICE_FILES])],

    families: [...UNIX_AND_NETLINK, "AF_VSOCK"],
    opensAnyFile: true,
  },
  namespaces: {
    capabilities: [
      ...OF_ALL,
      "NET_ADMIN",
      "SYS_PTRACE",
      "SETUID",
      "SETGID",
      "SETPCAP",
      "CHOWN",
      "FOWNER",
      "SYS_CHROOT",
    ],
    families: UNIX_AND_NETLINK,
    namespaces: POD_NAMESPACES,
    opensAnyFile: true,
  },
  // gVisor's and Quark's kernels take a pod's interface by AF_PACKET, and are confined by themselves.
  "own-kernel": {
    capabilities: [
      ...OF_ALL,
      ...["NET_ADMIN", "NET_RAW", "SYS_PTRACE", "SYS_CHROOT", "NET_BIND_SERVICE"],
      ...FILE_SERVER,
      ...DEVICE_FILES,
    ],
    families: [...UNIX_AND_NETLINK, "AF_INET", "AF_INET6", "AF_PACKET"],
    namespaces: "all",
    devices: ["/dev/kvm"],
    opensAnyFile: true,
    traces: true,
  },
};

/** Lines of [Service] that leave a service these powers and no more. */
export function hardening(powers: Powers): string[] {
  const { namespaces, devices = [] } = powers;
  return [
    "NoNewPrivileges=yes",
    `CapabilityBoundingSet=${powers.capabilities.map((name) => `CAP_${name}`).join(" ")}`,
    `RestrictAddressFamilies=${powers.families.join(" ")}`,
    ...(namespaces === "all" ? [] : [`RestrictNamespaces=${namespaces.join(" ")}`]),
    `SystemCallFilter=~${[...FORBIDDEN, ...(powers.traces ? [] : ["@debug"])].join(" ")}`,
    "SystemCallErrorNumber=EPERM",
    "SystemCallArchitectures=native",
    "LockPersonality=yes",
    "RestrictRealtime=yes",
    ...(powers.opensAnyFile ? [] : ["RestrictSUIDSGID=yes"]),
    "ProtectClock=yes",
    "DevicePolicy=closed",
    ...devices.map((device) => `DeviceAllow=${device} rw`),
    ...(powers.speaksIp ? [] : ["IPAddressDeny=any"]),
  ];
}
