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
