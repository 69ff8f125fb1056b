import { boolean, type ConfigOf, integer, table, text } from "../../lib/config/mod.ts";
import { SANDBOX_KEYS } from "../contract/config_keys.ts";
import { GUEST_KEYS } from "../contract/vm/guest_config.ts";

/** `config_firecracker_x86_64.toml`: the keys that all hypervisors have, and this one's. */
export const SCHEMA = table({
  sandbox: SANDBOX_KEYS,
  hypervisor: table({
    path: text({ default: "/usr/bin/firecracker", help: "the Firecracker program" }),
    ...GUEST_KEYS,
    pci: boolean({ default: true, help: "devices on PCI: faster, and room for 31 where MMIO has 17" }),
    disk_places: integer({
      default: 12,
      min: 0,
      max: 30,
      help: "disks that a guest can be given while it runs; a container takes two",
    }),
    writable_disk_places: integer({
      default: 2,
      min: 0,
      max: 30,
      help: "the same for disks that it may write to",
    }),
    block_io: text({
      default: "Sync",
      oneOf: ["Sync", "Async"],
      help: "Async: by io_uring, which the host's kernel must have",
    }),
    hugepages: boolean({ default: false, help: "backs guest memory with huge pages of 2 MiB" }),
    entropy: boolean({ default: true, help: "gives the guest an entropy device" }),
    balloon: boolean({ default: true, help: "gives the guest a balloon, by which memory can be taken back" }),
    seccomp: boolean({ default: true, help: "Firecracker's own sandbox" }),
    debug: boolean({ default: false, help: "more words from the VMM in vmm.log" }),
  }),
});

/** A file that was checked. */
export type ConfigFile = ConfigOf<typeof SCHEMA>;
