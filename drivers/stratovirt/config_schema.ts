import { boolean, type ConfigOf, integer, table, text } from "../../lib/config/mod.ts";
import { SANDBOX_KEYS } from "../contract/config_keys.ts";
import { GUEST_KEYS } from "../contract/vm/guest_config.ts";

/** Where packages put the kernel as bzImage: StratoVirt does not take an ELF file on x86. */
const BZIMAGE = "/var/lib/kuasar/vmlinuz";

/** `config_stratovirt_<arch>.toml`: Kuasar's keys and ours. */
export const SCHEMA = table({
  sandbox: SANDBOX_KEYS,
  hypervisor: table({
    path: text({ default: "/usr/bin/stratovirt", help: "the StratoVirt program" }),
    machine_type: text({
      default: Deno.build.arch === "x86_64" ? "microvm" : "virt",
      help: "microvm, q35 or virt; Kuasar's `,mem-share=on` behind it may stay",
    }),
    firmware: text({ default: "", help: "OVMF, for q35" }),
    ...GUEST_KEYS,
    kernel_path: text({ default: BZIMAGE, help: "the guest's kernel; on x86 a bzImage" }),
    share_fs: text({
      default: "virtiofs",
      oneOf: ["virtiofs", "block"],
      help: "how files are shared; block: not at all, as disks, of which a microvm has four",
    }),
    mem_prealloc: boolean({ default: false, help: "takes all memory of a guest at its start" }),
    enable_mem_prealloc: boolean({ default: false, help: "Kuasar's name of mem_prealloc" }),
    entropy_source: text({
      default: "",
      help:
        "/dev/urandom gives the guest an entropy device, which the program must be built with (virtio_rng)",
    }),
    hotplug_ports: integer({ default: 8, min: 0, max: 20, help: "root ports for disks; not for microvm" }),
    block_device_driver: text({ default: "virtio-blk", oneOf: ["virtio-blk", "virtio-scsi", "virtio-mmio"] }),
    vsock: text({
      default: "kernel",
      oneOf: ["kernel", "vhost-user"],
      help: "vhost-user: for a program with a vhost-user vsock device, which no release has",
    }),
    vhost_device_vsock_path: text({ default: "/usr/bin/vhost-device-vsock", help: "for vhost-user" }),
    seccomp: boolean({ default: true, help: "StratoVirt's own sandbox" }),
    debug: boolean({ default: false, help: "more words from the VMM in vmm.log" }),
    // The storage service starts virtiofsd.
    virtiofsd_conf: table({ path: text() }),
  }),
});

/** A file that was checked. */
export type ConfigFile = ConfigOf<typeof SCHEMA>;
