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

const bucket = object({ size: u64, refill_time: u64 }, { one_time_burst: u64 });
const limiter = object({}, { bandwidth: bucket, ops: bucket });

/** Numbers of sinces are minor versions of 1.x. */
const RULES: Readonly<Record<string, BodyRule>> = {
  "PUT /actions": object({ action_type: oneOf("FlushMetrics", "InstanceStart", "SendCtrlAltDel") }, {}),
  "PUT /balloon": object({ amount_mib: u32, deflate_on_oom: flag }, {
    stats_polling_interval_s: defaulted(u16),
    free_page_hinting: defaulted(since(14, flag)),
    free_page_reporting: defaulted(since(14, flag)),
  }),
  "PATCH /balloon": object({ amount_mib: u32 }, {}),
  "PUT /boot-source": object({ kernel_image_path: text }, { initrd_path: text, boot_args: text }),
  "PUT /drives": object({ drive_id: text, is_root_device: flag }, {
    partuuid: text,
    cache_type: defaulted(oneOf("Unsafe", "Writeback")),
    is_read_only: flag,
    path_on_host: text,
    rate_limiter: limiter,
    io_engine: oneOf("Sync", "Async"),
    socket: text,
  }),
  "PATCH /drives": object({ drive_id: text }, { path_on_host: text, rate_limiter: limiter }),
  "PUT /logger": object({}, {
    log_path: text,
    level: oneOf("Off", "Trace", "Debug", "Info", "Warning", "Error"),
    show_level: flag,
    show_log_origin: flag,
    module: text,
  }),
  "PUT /machine-config": object({ vcpu_count: u8, mem_size_mib: u64 }, {
    smt: defaulted(flag),
    cpu_template: oneOf("C3", "T2", "T2S", "T2CL", "T2A", "V1N1", "None"),
    track_dirty_pages: defaulted(flag),
    huge_pages: defaulted(oneOf("None", "2M")),
  }),
  "PUT /metrics": object({ metrics_path: text }, {}),
  "PUT /network-interfaces": object({ iface_id: text, host_dev_name: text }, {
    guest_mac: macAddress,
    mtu: since(16, u16),
    rx_rate_limiter: limiter,
    tx_rate_limiter: limiter,
  }),
  "PUT /entropy": object({}, { rate_limiter: limiter }),
  "PUT /serial": object({}, { serial_out_path: since(14, text), rate_limiter: since(16, bucket) }),
  "PUT /snapshot/create": object({ snapshot_path: text, mem_file_path: text }, {
    snapshot_type: defaulted(oneOf("Full", "Diff")),
  }),
  "PUT /snapshot/load": object({ snapshot_path: text }, {
    mem_file_path: text,
    mem_backend: object({ backend_path: text, backend_type: oneOf("File", "Uffd") }, {}),
    enable_diff_snapshots: defaulted(flag),
    track_dirty_pages: defaulted(flag),
    resume_vm: defaulted(flag),
    network_overrides: defaulted(list(object({ iface_id: text, host_dev_name: text }, {}))),
    vsock_override: since(16, object({ uds_path: text }, {})),
    clock_realtime: defaulted(since(16, flag)),
  }),
  "PATCH /vm": object({ state: oneOf("Paused", "Resumed") }, {}),
  "PUT /vsock": object({ guest_cid: u32, uds_path: text }, { vsock_id: text }),
};

/** What the body of a request must be; undefined where there is no such request. */
export function bodyRule(method: string, resource: string): BodyRule | undefined {
  const name = `${method} ${resource}`;
  return Object.hasOwn(RULES, name) ? RULES[name] : undefined;
}
