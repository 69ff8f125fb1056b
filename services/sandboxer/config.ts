import { type ConfigOf, integer, loadConfig, map, table, text } from "../../lib/config/mod.ts";
import { DRIVER_NAME } from "./installed_drivers.ts";

/** `host:port`, an IPv6 host in brackets; or nothing. */
const LISTEN_ADDRESS = /^(?:(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\]):\d{1,5})?$/;

const driver = { pattern: DRIVER_NAME } as const;

/** The configuration file of the sandboxer. */
export const SANDBOXER_SCHEMA = table({
  default_driver: text({ ...driver, default: "qemu", help: "Driver of a runtime handler that names none" }),
  handlers: map(
    text({ ...driver, default: "qemu" }),
    "Runtime handler of containerd to driver; kuasar-<driver> needs no entry",
  ),
  sizing: table({
    guest_overhead_mib: integer({
      default: 64,
      min: 0,
      max: 1024,
      help: "Added to the memory limit of a pod for the guest's kernel and agent",
    }),
    vmm_overhead_mib: integer({
      default: 96,
      min: 0,
      max: 4096,
      help: "What VMM, virtiofsd and vsock device take; a RuntimeClass's overhead beyond it is the guest's",
    }),
    min_memory_mib: integer({ default: 128, min: 64, help: "No VM gets less" }),
    max_vcpus: integer({ default: 64, min: 1, max: 1024, help: "No VM gets more" }),
  }),
  timeouts: table({
    start_ms: integer({
      default: 120_000,
      min: 1000,
      help: "A start, or the preparation of a container, that takes longer is undone",
    }),
    created_ms: integer({
      default: 300_000,
      min: 10_000,
      help: "A sandbox that was created and has not been started for so long is forgotten",
    }),
    stop_grace_ms: integer({
      default: 10_000,
      min: 0,
      help: "How long a guest may take to sync its file systems and power off",
    }),
    peer_ms: integer({
      default: 30_000,
      min: 100,
      help: "How long any other call waits for a service that restarts",
    }),
  }),
  metrics: table({
    address: text({
      default: "",
      pattern: LISTEN_ADDRESS,
      help: "Where Prometheus finds /metrics, 127.0.0.1:9464 or [::1]:9464; empty for nowhere",
    }),
  }),
  clock_sync_ms: integer({
    default: 60_000,
    min: 0,
    help: "How often the clocks of guests are set; 0 never",
  }),
  watchdog_ms: integer({
    default: 30_000,
    min: 0,
    help: "How often guests are asked whether they are there, and how long each may take; 0 never",
  }),
});

/** What can be configured of the sandboxer, checked. */
export type SandboxerConfig = ConfigOf<typeof SANDBOXER_SCHEMA>;

/** Reads the configuration; without a file everything has its default. @throws INVALID_ARGUMENT, NOT_FOUND */
export function loadSandboxerConfig(file: string | undefined): SandboxerConfig {
  return loadConfig(SANDBOXER_SCHEMA, file);
}
