import { type Mount } from "../../../lib/oci/mod.ts";
import { POD_DIR, POD_SHM } from "../guest_paths.ts";
import { type SpecStep } from "./step.ts";

const PROPAGATION = /^r?(shared|slave|private|unbindable)$/;
/** Propagation that would have to come out of the VM. */
const CROSSING = /^r?shared$/;
/** Options that the host has dealt with, or that the guest's share cannot do. */
const ID_MAPPED = /^r?idmap$/;

/** Whether a mount of a spec is a bind: by its type, or by its options alone. */
export function isBind(mount: Mount): boolean {
  return mount.type === "bind" || (mount.options ?? []).some((option) => /^r?bind$/.test(option));
}

/** A destination in the form that others compare with: one leading slash, none at the end. */
function normalDestination(destination: string): string {
  return "/" + destination.split("/").filter((part) => part !== "" && part !== ".").join("/");
}

export const volumes: SpecStep = {
  name: "volumes",
  why:
    "sources of bind mounts are paths of the host: name what storage has put into the share, or the guest's " +
    "own; mounts made later come in through the share but never out, so propagation becomes private",
  apply(spec, { guestSources, modesOfHost }) {
    const notes: string[] = [];
    const mounts = (spec.mounts ?? []).map((mount, index): Mount => {
      const source = guestSources.get(index);
      if (source === undefined) return mount;
      const options = mount.options ?? [];
      if (options.some((option) => CROSSING.test(option))) {
        notes.push(`what is mounted in ${mount.destination} inside the VM stays there`);
      }
      const kept = options.filter((option) => !PROPAGATION.test(option) && !ID_MAPPED.test(option));
      if (!kept.some((option) => /^r?bind$/.test(option))) kept.unshift("rbind");
      // A share is one mount of the guest's: made read-only there, all below would be.
      if (modesOfHost?.has(index)) kept.splice(kept.indexOf("ro"), 1);
      return { ...mount, type: "bind", source, options: [...kept, "rprivate"] };
    });
    return { spec: { ...spec, mounts }, notes };
  },
};

export const podFiles: SpecStep = {
  name: "pod-files",
  why:
    "containerd gives an external sandboxer's containers no hostname, hosts and resolv.conf: take the pod's",
  apply(spec) {
    const mounts = spec.mounts ?? [];
    const taken = new Set(mounts.map(({ destination }) => normalDestination(destination)));
    const mode = spec.root?.readonly ? "ro" : "rw";
    const added = ["hostname", "hosts", "resolv.conf"]
      .filter((name) => !taken.has(`/etc/${name}`))
      .map((name): Mount => ({
        destination: `/etc/${name}`,
        type: "bind",
        source: `${POD_DIR}/${name}`,
        options: ["bind", "rprivate", mode],
      }));
    return { spec: { ...spec, mounts: [...mounts, ...added] } };
  },
};

/** Whether a mount is the private /dev/shm that containerd writes where it knows of none of the pod. */
export function isOwnShm(mount: Mount): boolean {
  return mount.type === "tmpfs" && normalDestination(mount.destination) === "/dev/shm";
}

export const shm: SpecStep = {
  name: "shm",
  why:
    "containers of a pod share POSIX shared memory as they share the ipc namespace: use the pod's /dev/shm",
  apply(spec) {
    const mounts = spec.mounts?.map((mount): Mount => {
      if (!isOwnShm(mount)) return mount;
      const kept = (mount.options ?? []).filter((option) => /^(nosuid|nodev|noexec|ro)$/.test(option));
      return { ...mount, type: "bind", source: POD_SHM, options: ["rbind", "rprivate", ...kept] };
    });
    return { spec: mounts ? { ...spec, mounts } : spec };
  },
};

export const cgroupMount: SpecStep = {
  name: "cgroup-mount",
  why: "the guest has cgroup v2 only, whatever the host has",
  apply(spec) {
    const mounts = spec.mounts?.map((mount): Mount =>
      mount.type === "cgroup" ? { ...mount, type: "cgroup2", source: "cgroup2" } : mount
    );
    return { spec: mounts ? { ...spec, mounts } : spec };
  },
};
