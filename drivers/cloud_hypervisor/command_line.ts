import type { CloudHypervisorConfig } from "./config.ts";

/** The inherited descriptors of a VMM. */
export interface InheritedFds {
  /** The listening API socket. */
  api: number;
  /** The event pipe, open for writing. */
  events: number;
}

/** Cloud Hypervisor's arguments: an empty VMM, which is told over its API what to run. */
export function buildArguments(config: CloudHypervisorConfig, { api, events }: InheritedFds): string[] {
  return [
    "--api-socket",
    // Made by the driver: nobody waits for a file to appear, and none is stale.
    `fd=${api}`,
    "--event-monitor",
    `fd=${events}`,
    "--seccomp",
    config.seccomp,
    ...(config.debug ? ["-v"] : []),
  ];
}
