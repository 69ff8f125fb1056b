import {
  type BodyRule,
  defaulted,
  flag,
  list,
  macAddress,
  object,
  oneOf,
  since,
  text,
  u16,
  u32,
  u64,
  u8,
} from "../http/body_rule.ts";

/** What every PCI device may have. */
const pci = { id: text, pci_segment: defaulted(u16), pci_device_id: since(52, u8) };
/** Fields that have a value of their own when they are left out: null is none. */
const yesNo = defaulted(flag);

const bucket = object({ size: u64, refill_time: u64 }, { one_time_burst: u64 });
const limiter = object({}, { bandwidth: bucket, ops: bucket });
const consoleMode = oneOf("Off", "Pty", "Tty", "File", "Socket", "Null");

const cpus = object({ boot_vcpus: u32, max_vcpus: u32 }, {
  topology: object({ threads_per_core: u16, cores_per_die: u16, dies_per_package: u16, packages: u16 }, {}),
  kvm_hyperv: yesNo,
  max_phys_bits: defaulted(u8),
  affinity: list(object({ vcpu: u32, host_cpus: list(u64) }, {})),
  features: defaulted(object({}, { amx: yesNo })),
  nested: defaulted(since(50, flag)),
  core_scheduling: defaulted(since(52, oneOf("Vm", "Vcpu", "Off"))),
});

const zone = object({ id: text, size: u64 }, {
  file: text,
  shared: yesNo,
  hugepages: yesNo,
  hugepage_size: u64,
  host_numa_node: u32,
  hotplug_size: u64,
  hotplugged_size: u64,
  prefault: yesNo,
  reserve: defaulted(since(53, flag)),
  mergeable: yesNo,
});

const memory = object({ size: u64 }, {
  mergeable: yesNo,
  hotplug_method: defaulted(oneOf("Acpi", "VirtioMem")),
  hotplug_size: u64,
  hotplugged_size: u64,
  shared: yesNo,
  hugepages: yesNo,
  hugepage_size: u64,
  prefault: yesNo,
  reserve: defaulted(since(53, flag)),
  thp: yesNo,
  zones: list(zone),
});

const payload = object({}, { firmware: text, kernel: text, cmdline: text, initramfs: text, igvm: text });

const disk = object({}, {
  ...pci,
  path: text,
  readonly: yesNo,
  direct: yesNo,
  iommu: yesNo,
  num_queues: defaulted(u64),
  queue_size: defaulted(u16),
  vhost_user: yesNo,
  vhost_socket: text,
  rate_limiter_config: limiter,
  rate_limit_group: text,
  serial: text,
  queue_affinity: list(object({ queue_index: u16, host_cpus: list(u64) }, {})),
  backing_files: defaulted(since(50, flag)),
  sparse: defaulted(since(51, flag)),
  image_type: defaulted(since(50, oneOf("FixedVhd", "Qcow2", "Raw", "Vhdx", "Unknown"))),
  lock_granularity: defaulted(since(50, oneOf("ByteRange", "Full"))),
});

/** No `fds`: descriptors travel beside the request, and in JSON the field is ignored. */
const net = object({}, {
  ...pci,
  tap: text,
  ip: text,
  mask: text,
  mac: defaulted(macAddress),
  host_mac: macAddress,
  mtu: u16,
  iommu: yesNo,
  num_queues: defaulted(u64),
  queue_size: defaulted(u16),
  vhost_user: yesNo,
  vhost_socket: text,
  vhost_mode: defaulted(oneOf("Client", "Server")),
  rate_limiter_config: limiter,
  offload_tso: yesNo,
  offload_ufo: yesNo,
  offload_csum: yesNo,
});

const fs = object({ tag: text, socket: text }, {
  ...pci,
  num_queues: defaulted(u64),
  queue_size: defaulted(u16),
});
const pmem = object({ file: text }, { ...pci, size: u64, iommu: yesNo, discard_writes: yesNo });
const vsock = object({ cid: u32, socket: text }, { ...pci, iommu: yesNo });
const rng = object({ src: text }, { iommu: yesNo, id: since(53, text) });
const balloon = object({ size: u64 }, {
  deflate_on_oom: yesNo,
  free_page_reporting: yesNo,
  id: since(53, text),
});
const consoleConfig = object({ mode: consoleMode }, { file: text, socket: text, iommu: yesNo });
const serialConfig = object({ mode: consoleMode }, { file: text, socket: text });
const device = object({}, { ...pci, path: text, iommu: yesNo, x_nv_gpudirect_clique: u8 });
const landlockRule = object({ path: text, access: text }, {});

const vmConfig = object({ payload }, {
  cpus: defaulted(cpus),
  memory: defaulted(memory),
  rate_limit_groups: list(object({ id: text, rate_limiter_config: limiter }, {})),
  disks: list(disk),
  net: list(net),
  rng: defaulted(rng),
  balloon,
  fs: list(fs),
  pmem: list(pmem),
  serial: defaulted(serialConfig),
  console: defaulted(consoleConfig),
  debug_console: defaulted(object({ mode: consoleMode }, { file: text, iobase: u16 })),
  devices: list(device),
  vsock,
  iommu: yesNo,
  watchdog: yesNo,
  pvpanic: yesNo,
  pci_segments: list(
    object({ pci_segment: u16 }, { mmio32_aperture_weight: u32, mmio64_aperture_weight: u32 }),
  ),
  platform: object({}, {
    num_pci_segments: u16,
    iommu_segments: list(u16),
    iommu_address_width_bits: u8,
    serial_number: text,
    uuid: text,
    oem_strings: list(text),
    iommufd: since(52, flag),
  }),
  landlock_enable: defaulted(since(41, flag)),
  landlock_rules: since(41, list(landlockRule)),
});

/** The body of each request that has one, by the last part of its path. */
export const BODY_RULES: Readonly<Record<string, BodyRule>> = {
  "vm.create": vmConfig,
  "vm.resize": object({}, { desired_vcpus: u32, desired_ram: u64, desired_balloon: u64 }),
  "vm.add-disk": disk,
  "vm.add-net": net,
  "vm.add-fs": fs,
  "vm.add-pmem": pmem,
  "vm.add-vsock": vsock,
  "vm.add-device": device,
  "vm.remove-device": object({ id: text }, {}),
  "vm.snapshot": object({ destination_url: text }, {}),
  "vm.restore": object({ source_url: text }, {
    prefault: yesNo,
    memory_restore_mode: defaulted(since(52, oneOf("Copy", "OnDemand"))),
    resume: defaulted(since(52, flag)),
    net_fds: list(object({ id: text, num_fds: u64 }, {})),
  }),
};
