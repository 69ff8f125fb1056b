import { KuasarError } from "../../lib/errors/mod.ts";
import { resolve } from "node:path";
import type { AttachRequest } from "../../lib/proto/gen/kuasar/admin/v1/admin.ts";
import { ShareKind } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { withAdmin } from "./admin.ts";
import type { Command, CommandInput } from "./command.ts";
import { toJson } from "./json.ts";

/** Plugging waits for the guest. */
const TIMEOUT_MS = 60_000;

type Device = NonNullable<AttachRequest["device"]>;

/** `kuasar-ctl attach`. */
export const attach: Command = {
  name: "attach",
  usage: "attach ID NAME --disk FILE | --pmem FILE | --tap TAP | --share SOCKET --tag TAG | --vfio ADDRESS",
  summary: "plugs a device into a running VM, under a name",
  flags: {
    "disk": { kind: "string", placeholder: "FILE", help: "A file or block device as a disk" },
    "read-only": { kind: "boolean", help: "The guest may not write to the disk" },
    "pmem": { kind: "string", placeholder: "FILE", help: "A file of whole 2 MiB as persistent memory" },
    "discard-writes": { kind: "boolean", help: "What the guest writes to the pmem file is lost" },
    "tap": { kind: "string", placeholder: "TAP", help: "A tap of the pod's network namespace as a NIC" },
    "netns": { kind: "string", placeholder: "PATH", help: "The network namespace of the tap, if another" },
    "mac": { kind: "string", placeholder: "MAC", help: "Of the NIC; else one is made up" },
    "mtu": { kind: "integer", placeholder: "N", default: 1500, help: "Of the NIC" },
    "queues": { kind: "integer", placeholder: "N", default: 1, help: "Queue pairs of the tap" },
    "share": {
      kind: "string",
      placeholder: "SOCKET",
      help: "The socket of a virtiofsd as a shared directory",
    },
    "tag": { kind: "string", placeholder: "TAG", help: "By which the guest mounts the share" },
    "vfio": { kind: "string", placeholder: "ADDRESS", help: "A PCI device of the host, bound to vfio-pci" },
  },
  examples: [
    {
      command: "kuasar-ctl attach 3fa9 data --disk /srv/data.img",
      does: "A disk, with serial user-data in the guest",
    },
    {
      command: "kuasar-ctl attach 3fa9 net1 --tap tap1 --mac 02:00:00:00:00:99",
      does: "A second NIC, on a tap of the pod's network namespace",
    },
    {
      command: "kuasar-ctl attach 3fa9 gpu --vfio 0000:03:00.0",
      does: "A device of the host",
    },
  ],
  async run(input) {
    const { id, name } = target(input);
    const device = deviceOf(input.flags);
    const answer = await withAdmin(
      input.runDir,
      (admin) => admin.attach({ id, name, device }, { timeoutMs: TIMEOUT_MS }),
    );
    const mac = device.$case === "nic" ? { mac: device.value.mac } : {};
    if (input.json) console.log(toJson({ name, ...answer, ...mac }));
    else console.log(text(name, answer, mac.mac));
    return 0;
  },
};

/** `kuasar-ctl detach`. */
export const detach: Command = {
  name: "detach",
  usage: "detach ID NAME",
  summary: "takes a device out that attach has plugged in",
  flags: {},
  examples: [{
    command: "kuasar-ctl detach 3fa9 data",
    does: "Answers when the guest has let go of it; may be repeated",
  }],
  async run(input) {
    const { id, name } = target(input);
    await withAdmin(input.runDir, (admin) => admin.detach({ id, name }, { timeoutMs: TIMEOUT_MS }));
    if (input.json) console.log(toJson({ name }));
    return 0;
  },
};

/**
 * The device that the flags name.
 *
 * @throws KuasarError INVALID_ARGUMENT where they name none, more than one, or leave out what it needs
 */
export function deviceOf(flags: CommandInput["flags"]): Device {
  const text = (name: string) => typeof flags[name] === "string" ? flags[name] as string : "";
  const number = (name: string) => Number(flags[name] ?? 0);
  const devices: Device[] = [];
  // The sandboxer has another working directory.
  const path = (name: string) => resolve(text(name));
  if (text("disk")) {
    const value = { hostPath: path("disk"), readOnly: flags["read-only"] === true };
    devices.push({ $case: "disk", value });
  }
  if (text("pmem")) {
    const value = { hostPath: path("pmem"), discardWrites: flags["discard-writes"] === true };
    devices.push({ $case: "pmem", value });
  }
  if (text("tap")) {
    const netnsPath = text("netns") && path("netns");
    const mac = text("mac") || randomMac();
    const more = { mtu: number("mtu"), queues: number("queues"), link: "" };
    devices.push({ $case: "nic", value: { tap: text("tap"), netnsPath, mac, ...more } });
  }
  if (text("share")) {
    if (!text("tag")) throw invalid("a share needs --tag, by which the guest mounts it");
    const value = {
      kind: ShareKind.VIRTIOFS,
      tag: text("tag"),
      socketPath: path("share"),
      hostDir: "",
      guestDir: "",
    };
    devices.push({ $case: "share", value });
  }
  if (text("vfio")) devices.push({ $case: "vfio", value: { pciAddress: text("vfio") } });
  const [device, ...more] = devices;
  if (!device || more.length) throw invalid("name one of --disk, --pmem, --tap, --share, --vfio");
  return device;
}

/** A unicast address of nobody's. */
function randomMac(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(5));
  return ["02", ...Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"))].join(":");
}

function text(
  name: string,
  { pciAddress, serial, guestSource }: { pciAddress: string; serial: string; guestSource: string },
  mac: string | undefined,
): string {
  const facts = [
    ...(pciAddress ? [`at ${pciAddress}`] : []),
    ...(serial ? [`serial ${serial}`] : []),
    ...(guestSource ? [guestSource] : []),
    ...(mac ? [`MAC ${mac}`] : []),
  ];
  return `${name}: ${facts.join(", ") || "plugged in"}`;
}

function target({ positionals }: CommandInput): { id: string; name: string } {
  const [id, name, ...more] = positionals;
  if (id === undefined || name === undefined || more.length) {
    throw invalid(`expected a sandbox id and the name of a device, got ${positionals.length} arguments`);
  }
  return { id, name };
}

function invalid(reason: string): KuasarError {
  return new KuasarError("INVALID_ARGUMENT", `Cannot go on: ${reason}`);
}
