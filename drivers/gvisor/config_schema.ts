import { boolean, type ConfigOf, integer, list, table, text } from "../../lib/config/mod.ts";
import { SANDBOX_KEYS } from "../contract/config_keys.ts";

/** What there is besides containers: how gVisor's kernel traps their system calls. */
export const PLATFORMS = ["systrap", "kvm", "ptrace"] as const;

/** Whose network stack pods use. */
export const NETWORKS = ["sandbox", "host", "none"] as const;

/** `config_gvisor.toml`: the keys of `[runsc]` are named after runsc's flags. */
export const SCHEMA = table({
  sandbox: SANDBOX_KEYS,
  runtime: table({
    runtime_path: text({ default: "/usr/bin/runsc", help: "gVisor's runtime" }),
    pause_path: text({
      default: "/usr/local/lib/kuasar/agent",
      help: "our agent, which is the first process of every sandbox and does nothing there",
    }),
    create_timeout: integer({ default: 60, min: 1, max: 600, help: "seconds for a sandbox to come up" }),
    overhead_in_mb: integer({
      default: 32,
      min: 0,
      max: 65_536,
      help: "of gVisor's own in a pod with a memory limit, on top of that limit",
    }),
    checkpoint_dir: text({
      default: "",
      pattern: /^(\/[\w./-]+)?$/,
      help: "directory of checkpoints that pods may be restored from; empty for none",
    }),
    kubelet_dir: text({
      default: "/var/lib/kubelet",
      pattern: /^\/[\w./-]+$/,
      help: "where the volumes are that mount hints name",
    }),
  }),
  runsc: table({
    platform: text({
      default: "systrap",
      oneOf: PLATFORMS,
      help: "systrap runs everywhere; kvm wants bare metal",
    }),
    network: text({
      default: "sandbox",
      oneOf: NETWORKS,
      help: "gVisor's own stack, the host's in the pod's netns, or none",
    }),
    overlay2: text({
      default: "root:self",
      pattern: /^(none|(root|all):(self|memory|dir=\/[\w./-]+))$/,
      help: "where writes to the rootfs go",
    }),
    host_uds: text({
      default: "none",
      oneOf: ["none", "open", "create", "all"],
      help: "unix sockets of volumes",
    }),
    host_fifo: text({ default: "none", oneOf: ["none", "open"], help: "FIFOs of volumes" }),
    net_raw: boolean({ default: false, help: "let containers with CAP_NET_RAW use raw sockets" }),
    oci_seccomp: boolean({ default: false, help: "apply a container's seccomp profile inside too" }),
    debug_log: text({ default: "", pattern: /^(\/[\w./-]+)?$/, help: "directory for runsc's debug logs" }),
    args: list(text(), { default: [], help: "more flags, before the verb of each call" }),
  }),
});

/** A file that was checked. */
export type ConfigFile = ConfigOf<typeof SCHEMA>;
