import { boolean, type ConfigOf, integer, list, table, text } from "../../lib/config/mod.ts";
import { SANDBOX_KEYS } from "../contract/config_keys.ts";
import { GUEST_KEYS } from "../contract/vm/guest_config.ts";
import { VIRTIOFSD_KEYS } from "../contract/vm/virtiofsd_keys.ts";

/**
 * Kuasar's keys that change nothing here, with the only value that asks for nothing. They are accepted, so that a
 * file written for Kuasar works; another value than this is told as a note.
 */
export const WITHOUT_EFFECT = {
  machine_accelerators: text({ default: "" }),
  default_bridges: integer({ default: 1 }),
  mem_slots: integer({ default: 1 }),
  mem_offset: integer({ default: 0 }),
  memory_path: text({ default: "" }),
  file_backend_mem_path: text({ default: "" }),
  enable_vhost_user_store: boolean({ default: false }),
  enable_swap: boolean({ default: false }),
  msize_9p: integer({ default: 8192 }),
  enable_iothreads: boolean({ default: false }),
  disable_nvdimm: boolean({ default: true }),
  use_vsock: boolean({ default: true }),
  debug: boolean({ default: false }),
} as const;

/** `config_qemu_<arch>.toml`: Kuasar's keys and ours. */
export const SCHEMA = table({
  sandbox: SANDBOX_KEYS,
  hypervisor: table({
    qemu_path: text({ default: `/usr/bin/qemu-system-${Deno.build.arch}`, help: "the QEMU program" }),
    accel: text({
      default: "auto",
      oneOf: ["auto", "kvm", "tcg"],
      help: "auto: KVM where it works, else emulation",
    }),
    machine_type: text({
      default: Deno.build.arch === "x86_64" ? "q35" : "virt",
      oneOf: ["q35", "pc", "virt"],
      help: "pc, as Kuasar ships it, is taken for q35",
    }),
    cpu_model: text({ default: "host", help: "host becomes max under emulation" }),
    cpu_features: text({ default: "", help: "added to the CPU model, pmu=off" }),
    default_max_vcpus: integer({
      default: 8,
      min: 0,
      max: 255,
      help: "vCPUs that a sandbox can be resized to; q35 alone",
    }),
    memory_hotplug_mb: integer({
      default: 8192,
      min: 0,
      max: 16_777_216,
      help: "memory that can be added to a sandbox, in steps of 128; q35 alone",
    }),
    pmem_hotplug_mb: integer({
      default: 0,
      min: 0,
      max: 16_777_216,
      help: "room for persistent memory that is plugged in; q35 alone",
    }),
    pcie_root_ports: integer({
      default: 0,
      min: 0,
      max: 64,
      help: "places for VFIO devices that are plugged in; q35 alone, virt has 8",
    }),
    pcie_root_port_mmio_mb: integer({
      default: 4096,
      min: 2,
      max: 1_048_576,
      help: "address space that a guest keeps for the memory of the device at each such port",
    }),
    mem_prealloc: boolean({ default: false, help: "takes all memory of a guest at its start" }),
    hugepages: boolean({ default: false, help: "backs guest memory with huge pages" }),
    firmware_path: text({
      default: Deno.build.arch === "x86_64" ? "qboot.rom" : "",
      help: "qboot.rom starts the kernel sooner than QEMU's own firmware, which empty takes",
    }),
    entropy_source: text({ default: "/dev/urandom", help: "empty for no entropy device" }),
    console: text({
      default: "serial",
      oneOf: ["serial", "hvc0"],
      help: "serial shows the kernel's first lines too",
    }),
    share_fs: text({
      default: "VirtioFS",
      oneOf: ["VirtioFS", "Virtio9P", "virtiofs", "9p", "block"],
      help: "how files are shared; block: not at all, as disks",
    }),
    virtio_9p_multidevs: text({
      default: "remap",
      oneOf: ["", "remap", "forbid", "warn"],
      help: "what 9p does with files of several devices",
    }),
    virtio_9p_direct_io: boolean({ default: false, help: "9p writes through to the host's files at once" }),
    block_device_driver: text({
      default: "VirtioBlk",
      oneOf: ["VirtioBlk", "VirtioScsi", "VirtioMmio"],
      help: "all are taken for VirtioBlk",
    }),
    vsock: text({
      default: "auto",
      oneOf: ["auto", "kernel", "hybrid"],
      help: "auto: kernel where /dev/vhost-vsock is",
    }),
    vhost_device_vsock_path: text({ default: "/usr/bin/vhost-device-vsock", help: "for hybrid vsock" }),
    seccomp: boolean({ default: true, help: "QEMU's own sandbox" }),
    virtiofsd: VIRTIOFSD_KEYS,
    virtiofs_daemon_path: text(),
    virtiofs_cache: text(),
    virtiofs_cache_size: integer(),
    virtiofs_extra_args: list(text()),
    ...GUEST_KEYS,
    ...WITHOUT_EFFECT,
  }),
});

/** A file that was checked. */
export type ConfigFile = ConfigOf<typeof SCHEMA>;
