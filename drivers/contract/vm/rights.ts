import type { Capability } from "../../../lib/process/mod.ts";

/** What a VMM, or a helper of one, may do on the host. */
export interface Rights {
  capabilities: readonly Capability[];
  /** Its umask, where it makes no file for anybody else. */
  umask?: number;
  /** How many files it may have open; the driver's own limit unless given. */
  openFiles?: number;
}

/** Nothing that needs a capability. */
export const PLAIN: Rights = { capabilities: [], umask: 0o077 };

/** Finding taps and setting them up where they are: in the pod's own network namespace. */
export const OWN_TAPS: Rights = { ...PLAIN, capabilities: ["net_admin"] };

/**
 * Serving a directory to a guest by itself (9p): its files belong to whomever the guest says. As virtiofsd keeps them.
 */
export const FILE_SERVER: Rights = {
  capabilities: ["chown", "dac_override", "fowner", "fsetid", "setgid", "setuid", "mknod", "setfcap"],
};

/** A helper between two sockets and the guest's memory. */
export const RELAY: Rights = { ...PLAIN, openFiles: 1024 };

/** A kind of process of a VM, as docs/security.md lists it and the conformance suite finds it. */
export interface ProcessKind {
  process: string;
  rights: Rights;
  /** Whether it runs as a user of the sandbox's own: where all that it opens can be given to that. */
  ownUser: boolean;
  /** What of the host is in its root once it runs, besides `/dev/null` and `/dev/urandom`. */
  keeps: string;
}

/** Every kind. */
export const PROCESSES: readonly ProcessKind[] = [
  { process: "QEMU", rights: PLAIN, ownUser: false, keeps: "nothing" },
  {
    process: "QEMU where it serves a directory by 9p itself",
    rights: FILE_SERVER,
    ownUser: false,
    keeps: "that directory",
  },
  {
    process: "Cloud Hypervisor, which finds its taps by name where it has any",
    rights: OWN_TAPS,
    ownUser: false,
    keeps:
      "its directory `vm`, the socket of its share, kernel, initrd and image, for a guest that boots again",
  },
  {
    process: "Firecracker, which finds its taps by name where it has any",
    rights: OWN_TAPS,
    ownUser: false,
    keeps: "its directory `vm`",
  },
  { process: "StratoVirt", rights: PLAIN, ownUser: false, keeps: "its directory `vm`" },
  {
    process: "`vhost-device-vsock`",
    rights: RELAY,
    ownUser: true,
    keeps: "its directory `vm`",
  },
];
