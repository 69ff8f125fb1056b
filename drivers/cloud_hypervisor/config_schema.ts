import { boolean, type ConfigOf, integer, list, table, text } from "../../lib/config/mod.ts";
import { SANDBOX_KEYS } from "../contract/config_keys.ts";
import { GUEST_KEYS } from "../contract/vm/guest_config.ts";
import { VIRTIOFSD_KEYS } from "../contract/vm/virtiofsd_keys.ts";

/** `config_clh.toml`: Kuasar's keys and ours. */
export const SCHEMA = table({
  sandbox: SANDBOX_KEYS,
  hypervisor: table({
    path: text({ default: "/usr/local/bin/cloud-hypervisor", help: "the Cloud Hypervisor program" }),
    ...GUEST_KEYS,
    max_vcpus: integer({ default: 0, min: 0, max: 254, help: "vCPUs that a sandbox can be resized to" }),
    nested: boolean({ default: false, help: "lets guests run VMs of their own; before v50 they always may" }),
    memory_hotplug_mb: integer({
      default: 0,
      min: 0,
      max: 16_777_216,
      help: "memory that can be added to a sandbox, in steps of 128",
    }),
    share_fs: text({
      default: "virtiofs",
      oneOf: ["virtiofs", "block"],
      help: "how files are shared; block: not at all, as disks, which snapshots need",
    }),
    hugepages: boolean({ default: false, help: "backs guest memory with huge pages" }),
    mem_prealloc: boolean({ default: false, help: "takes all memory of a guest at its start" }),
    entropy_source: text({ default: "/dev/urandom", help: "empty takes Cloud Hypervisor's own choice" }),
    image_device: text({
      default: "blk",
      oneOf: ["blk", "pmem"],
      help: "how image_path is attached; pmem needs a guest kernel with virtio-pmem",
    }),
    seccomp: text({
      default: "true",
      oneOf: ["true", "false", "log", "errno"],
      help: "errno answers forbidden calls with EPERM instead of a kill (v53)",
    }),
    landlock: boolean({ default: false, help: "confines the VMM to the files that it was given" }),
    landlock_paths: list(text(), {
      default: [],
      help: "directories of disks that are plugged in later; only with landlock",
    }),
    debug: boolean({ default: false, help: "more words from the VMM in vmm.log" }),
    firmware: text({ default: "" }),
    enable_mem_prealloc: boolean({ default: false }),
    task: table({
      debug: boolean({ default: false, help: "more words from the agent" }),
      enable_tracing: boolean({ default: false }),
    }),
    virtiofsd: VIRTIOFSD_KEYS,
  }),
});

/** A file that was checked. */
export type ConfigFile = ConfigOf<typeof SCHEMA>;
