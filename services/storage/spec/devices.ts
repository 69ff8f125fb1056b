import { KuasarError } from "../../../lib/errors/mod.ts";
import { type Device, type DeviceRule } from "../../../lib/oci/mod.ts";
import { type SpecStep } from "./step.ts";

/**
 * Character devices with the same numbers in every Linux (Documentation/admin-guide/devices.txt): a node of the
 * host means the same thing in the guest. `minor` undefined stands for all of a major.
 */
const UNIVERSAL: readonly { major: number; minor?: number }[] = [
  { major: 1, minor: 3 }, // null
  { major: 1, minor: 5 }, // zero
  { major: 1, minor: 7 }, // full
  { major: 1, minor: 8 }, // random
  { major: 1, minor: 9 }, // urandom
  { major: 1, minor: 11 }, // kmsg
  { major: 5, minor: 0 }, // tty
  { major: 5, minor: 1 }, // console
  { major: 5, minor: 2 }, // ptmx
  { major: 10, minor: 200 }, // net/tun
  { major: 10, minor: 229 }, // fuse
  { major: 136 }, // pts
];

function isUniversal(
  type: string | undefined,
  major: number | undefined,
  minor: number | undefined,
): boolean {
  if (type === "b") return false;
  return UNIVERSAL.some((known) =>
    known.major === major && (known.minor === undefined || known.minor === minor)
  );
}

function isInGuest(device: Device): boolean {
  return device.type === "p" || isUniversal(device.type, device.major, device.minor);
}

/** A rule that names no device of the host: for all of them, or for one that is the same in the guest. */
function holdsInGuest(rule: DeviceRule): boolean {
  const all = (number: number | undefined) => number === undefined || number < 0;
  if (all(rule.major)) return all(rule.minor);
  return isUniversal(rule.type, rule.major, all(rule.minor) ? undefined : rule.minor);
}

function allowsEverything(rules: readonly DeviceRule[]): boolean {
  return rules.some(({ allow, type, major, minor, access }) =>
    allow && (type ?? "a") === "a" && (major ?? -1) < 0 && (minor ?? -1) < 0 &&
    /^(?=.*r)(?=.*w)/.test(access ?? "rwm")
  );
}

export const devices: SpecStep = {
  name: "devices",
  why:
    "device numbers are the host's: keep nodes and rules that mean the same in every Linux, drop the rest of a " +
    "privileged container's, refuse a device that was asked for by name",
  apply(spec) {
    const linux = spec.linux;
    if (!linux) return { spec };
    const rules = linux.resources?.devices ?? [];
    const foreign = (linux.devices ?? []).filter((device) => !isInGuest(device));
    if (foreign.length > 0 && !allowsEverything(rules)) {
      const { path, type, major, minor } = foreign[0]!;
      throw new KuasarError(
        "UNIMPLEMENTED",
        `Cannot give device ${path} (${type} ${major}:${minor}) to a container in a VM: ` +
          "only devices that every Linux has can be given",
      );
    }
    const changed = { ...linux };
    if (linux.devices) changed.devices = linux.devices.filter(isInGuest);
    if (linux.resources?.devices) {
      changed.resources = { ...linux.resources, devices: rules.filter(holdsInGuest) };
    }
    return {
      spec: { ...spec, linux: changed },
      ...(foreign.length
        ? { notes: [`${foreign.length} devices of the host are not in the VM: dropped`] }
        : {}),
    };
  },
};
