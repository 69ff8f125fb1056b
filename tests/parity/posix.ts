import type { Area, Case, Difference, Group } from "./case.ts";
import { WAYS } from "./kinds.ts";
import { cleanUpVolumes, prepareVolumes, VOLUMES } from "./volumes.ts";

/** The groups of calls of `tests/harness/programs/posix.c`, and what is tried of each. */
const CALLS = {
  opens: "open and its flags",
  names: "names and their lengths",
  directories: "mkdir and rmdir",
  listing: "readdir",
  links: "link, symlink, unlink",
  renames: "rename",
  modes: "chmod, and who may what",
  owners: "chown and set-id bits",
  sticky: "sticky directories",
  lengths: "truncate, write, seek",
  times: "times",
  nodes: "FIFOs, sockets, devices",
  unlinked: "open files without a name",
  locks: "fcntl and flock",
  mappings: "mmap",
  space: "statvfs and holes",
} as const;

type Calls = keyof typeof CALLS;

const GVISOR_VOLUME = "gVisor's file server of a volume";
const IN_GVISOR: Readonly<Record<string, Difference>> = {
  renamesInRoot: {
    kinds: ["gvisor"],
    instead: {
      "both are there: ok\na file onto a directory: EISDIR\na directory onto a file: ENOTDIR\na directory into itself: EINVAL\nonto a directory that is not empty: ENOTEMPTY":
        "both are there: ENOENT\na file onto a directory: ENOENT\na directory onto a file: ok\na directory into itself: ENOENT\nonto a directory that is not empty: ok",
      "what was in it: ok": "what was in it: ENOENT",
    },
    why:
      "gVisor's file system in memory, which is over a root, takes a name away when it is renamed to another one of its file",
  },
  links: {
    kinds: ["gvisor"],
    instead: { "its links: 0": "its links: 1" },
    why: `${GVISOR_VOLUME} counts a link that is gone`,
  },
  setgid: {
    kinds: ["gvisor"],
    instead: { "mode: 755": "mode: 2755" },
    why: "gVisor leaves set-group-ID to who is not in the group",
  },
  sticky: {
    kinds: ["gvisor"],
    instead: {
      "rename onto another's: EPERM": "rename onto another's: ok",
      "unlink of one's own: ok": "unlink of one's own: ENOENT",
    },
    why: "in a sticky directory gVisor looks at the owner of what is renamed, and not of what is replaced",
  },
  holes: {
    kinds: ["gvisor"],
    instead: { "takes less: yes": "takes less: no" },
    why: "gVisor counts the blocks of holes",
  },
  devices: {
    kinds: ["gvisor"],
    instead: { "mknod of null: ok": "mknod of null: EPERM" },
    why: `${GVISOR_VOLUME} makes no device nodes`,
  },
  unlinked: {
    kinds: ["gvisor"],
    instead: { "links: 0": "links: 1" },
    why: `${GVISOR_VOLUME} counts a link that is gone`,
  },
};

const OVER_9P: Readonly<Record<string, Difference>> = {
  links: {
    kinds: ["qemu-9p"],
    instead: { "its links: 0": "its links: 1" },
    why: "9p counts a link that is gone",
  },
  times: {
    kinds: ["qemu-9p"],
    instead: {
      "times: 1000000000.123456789 1100000000.987654321": "times: 1000000000.000000000 1100000000.000000000",
      "mtime: -100": "mtime: 0",
    },
    why: "9p keeps whole seconds, and none before 1970",
  },
  unlinked: {
    kinds: ["qemu-9p"],
    instead: {
      "ftruncate: ok\nfchmod: ok\nfchown: ok\nfutimens: ok":
        "ftruncate: ENOENT\nfchmod: ENOENT\nfchown: ENOENT\nfutimens: ENOENT",
      "size, mode, owner: 4 640 1:2": "size, mode, owner: 10 600 0:0",
      "mtime: as set": "mtime: another",
    },
    why: "9p changes files by their names, and an open file without one has none",
  },
};

const NO_SHARE: Difference = {
  kinds: ["qemu-block"],
  instead: { "*": "does not start" },
  why: "nothing is shared with the guest, and a directory that a container may write to is refused",
};

/** By place and calls. */
function differencesOf(place: "root" | "host" | "memory", calls: Calls): Difference[] {
  const isVolume = place !== "root";
  const found: Partial<Record<Calls, (Difference | undefined)[]>> = {
    renames: [isVolume ? IN_GVISOR.links : IN_GVISOR.renamesInRoot, OVER_9P.links],
    owners: [IN_GVISOR.setgid],
    sticky: [IN_GVISOR.sticky],
    space: [IN_GVISOR.holes],
    nodes: [isVolume ? IN_GVISOR.devices : undefined],
    unlinked: [isVolume ? IN_GVISOR.unlinked : undefined, OVER_9P.unlinked],
    times: [OVER_9P.times],
  };
  // An emptyDir in memory is the guest's, whatever else is shared how.
  return [...found[calls] ?? [], place === "host" ? NO_SHARE : undefined]
    .filter((one) => one !== undefined)
    .filter(({ kinds }) => place !== "memory" || !kinds.includes("qemu-9p"));
}

export const posix: Area = {
  name: "posix",
  kinds: WAYS,
  groups: [
    inPlace("root", "root", "/home", {}),
    inPlace("host", "directory of the host", "/v", { "/v": { path: VOLUMES.host } }),
    inPlace("memory", "emptyDir in memory", "/v", { "/v": { path: VOLUMES.memory } }),
    {
      name: "capability of a file of the image",
      cases: [{
        name: "is there, and has its effect",
        differs: [{
          kinds: ["gvisor", "qemu-9p"],
          instead: { "effective 0000000000000400": "effective 0000000000000000" },
          why:
            "9p passes on no capabilities of files, and gVisor heeds none; with virtiofs and disks they hold",
        }],
        script:
          "probe as 1000:1000 probe-capable capabilities | head -n 2; cp -a /bin/probe-capable /tmp/copy; probe as 1000:1000 /tmp/copy capabilities | head -n 2",
      }],
    },
  ],
};

/** All calls in a directory of their own at a place of the container. */
function inPlace(
  place: "root" | "host" | "memory",
  name: string,
  at: string,
  volumes: NonNullable<Group["volumes"]>,
): Group {
  return {
    name,
    volumes,
    prepare: prepareVolumes,
    cleanUp: cleanUpVolumes,
    cases: (Object.keys(CALLS) as Calls[]).map((calls): Case => ({
      name: CALLS[calls],
      script: `mkdir -m 755 ${at}/${calls} && cd ${at}/${calls} && posix ${calls}`,
      differs: differencesOf(place, calls),
    })),
  };
}
