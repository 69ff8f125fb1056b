import { QmpError } from "./qmp_error.ts";

type Kind = "string" | "number" | "boolean" | Schema;
/** The fields of an object, those with `?` optional; any other is refused, as serde's deny_unknown_fields does. */
export interface Schema {
  readonly [field: string]: Kind;
}

/** A command of the monitor. */
export interface Command {
  arguments: Schema;
  /** The first 2.x that has it. */
  since?: number;
  /** Answers an empty list whatever there is: for libvirt. */
  stub?: true;
  /** The stand-in knows it and cannot do it; no driver of ours asks for it. */
  missing?: true;
}

const BLOCKDEV_ADD: Schema = {
  "node-name": "string",
  file: { driver: "string", filename: "string", "aio?": "string" },
  "cache?": { "no-flush?": "boolean", "direct?": "boolean" },
  "read-only?": "boolean",
  "driver?": "string",
  "discard?": "string",
  "detect-zeroes?": "string",
  "throttling.iops-total?": "number",
};

/** Numbers, texts and booleans as the real one's structure has them: `addr`, `mq` and `vectors` are texts. */
const DEVICE_ADD: Schema = {
  id: "string",
  driver: "string",
  "addr?": "string",
  "lun?": "number",
  "drive?": "string",
  "romfile?": "string",
  "share-rw?": "boolean",
  "bus?": "string",
  "mac?": "string",
  "netdev?": "string",
  "chardev?": "string",
  "disable-modern?": "string",
  "mq?": "string",
  "vectors?": "string",
  "serial?": "string",
  "iothread?": "string",
  "multifunction?": "boolean",
  "host?": "string",
  "num-queues?": "number",
  "boot_index?": "number",
  "sysfsdev?": "string",
  "queue-size?": "number",
  "port?": "string",
  "backend?": "string",
  "path?": "string",
  "cpu-id?": "number",
};

const NETDEV_ADD: Schema = {
  id: "string",
  "type?": "string",
  "fd?": "string",
  "fds?": "string",
  "ifname?": "string",
  "dnssearch?": "string",
  "vhost?": "boolean",
  "vhostfd?": "string",
  "vhostfds?": "string",
  "downscript?": "string",
  "script?": "string",
  "queues?": "number",
  "chardev?": "string",
};

const none = { arguments: {} } as const;
const stub = { arguments: {}, stub: true } as const;
const missing = (since = 1): Command => ({ arguments: {}, since, missing: true });

/** The commands and their arguments (`machine_manager/src/qmp/qmp_schema.rs`). */
export const COMMANDS: Readonly<Record<string, Command>> = {
  qmp_capabilities: none,
  quit: none,
  stop: none,
  cont: none,
  "query-status": none,
  "query-version": none,
  "query-commands": none,
  system_powerdown: none,
  "blockdev-add": { arguments: BLOCKDEV_ADD },
  "blockdev-del": { arguments: { "node-name": "string" } },
  device_add: { arguments: DEVICE_ADD },
  device_del: { arguments: { id: "string" } },
  getfd: { arguments: { fdname: "string" } },
  netdev_add: { arguments: NETDEV_ADD },
  netdev_del: { arguments: { id: "string" } },
  balloon: { arguments: { value: "number" } },
  "query-balloon": none,
  ...Object.fromEntries(
    [
      ...["query-block", "query-named-block-nodes", "query-blockstats", "query-block-jobs", "query-chardev"],
      ...[
        "query-iothreads",
        "query-migrate-capabilities",
        "query-qmp-schema",
        "qom-list-types",
        "query-tpm-models",
      ],
    ].map((name) => [name, stub]),
  ),
  ...Object.fromEntries(
    [
      ...["system_reset", "query-events", "query-target", "query-kvm"],
      ...["query-machines", "query-cpus", "query-hotpluggable-cpus", "query-mem", "query-mem-gpa", "migrate"],
      ...["query-migrate", "human-monitor-command", "qom-get", "qom-list", "device-list-properties"],
    ].map((name) => [name, missing()]),
  ),
  ...Object.fromEntries(
    ["chardev-add", "chardev-remove", "migrate_cancel"].map((name) => [name, missing(2)]),
  ),
  ...Object.fromEntries(["query-vcpu-reg", "trace-get-state"].map((name) => [name, missing(4)])),
  ...Object.fromEntries(
    ["set-viomem", "get-viomem", "netdev_replace", "netlink_set", "query-workloads"].map((
      name,
    ) => [name, missing(5)]),
  ),
};

/**
 * Checks the arguments of a command.
 *
 * @throws {QmpError} in the words of the real one's parser
 */
export function checkArguments(schema: Schema, value: unknown): Record<string, unknown> {
  if (value === null) throw new QmpError("invalid type: null, expected a struct");
  const object = (value ?? {}) as Record<string, unknown>;
  if (typeof value === "object" && Array.isArray(value)) {
    throw new QmpError("invalid type: sequence, expected a map");
  }
  const fields = new Map(Object.entries(schema).map(([key, kind]) => [key.replace("?", ""), kind]));
  for (const [key, inner] of Object.entries(object)) {
    const kind = fields.get(key);
    if (kind === undefined) {
      throw new QmpError(`unknown field \`${key}\`, expected one of ${[...fields.keys()].join(", ")}`);
    }
    const actual: string = typeof inner;
    if (typeof kind === "object") checkArguments(kind, inner);
    else if (actual !== kind) {
      throw new QmpError(`invalid type: ${JSON.stringify(inner)}, expected a ${kind}`);
    }
  }
  for (const key of Object.keys(schema)) {
    if (!key.endsWith("?") && !(key in object)) throw new QmpError(`missing field \`${key}\``);
  }
  return object;
}
