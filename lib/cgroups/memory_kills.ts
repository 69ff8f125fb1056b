import { hierarchies, type Hierarchy } from "./hierarchies.ts";

/** What the host's memory controller has done to a cgroup. */
export interface MemoryKills {
  /** How many of its own processes were killed, by whatever limit, or because the host had no memory left. */
  count: number;
  /** The limit that was reached, of the cgroup or of one above it; undefined where none was, so that it was the host's memory. */
  limit?: MemoryLimit;
}

/** A limit that was reached. */
export interface MemoryLimit {
  /** Below the root of the hierarchy: `/kubepods/pod1`. */
  cgroup: string;
  bytes: number;
}

/** Version 1 writes the largest number of whole pages where there is no limit. */
const NO_LIMIT = 2 ** 62;

/** The files of a version, in the order in which they are tried. */
const FILES = {
  // `oom_kill` counts by the victim's cgroup, `failcnt` by the limit's.
  1: { kills: ["memory.oom_control"], limit: "memory.limit_in_bytes", hits: ["memory.failcnt"], hit: "" },
  // The local events are Linux 5.2's; without them those of cgroups below are counted, too.
  2: {
    kills: ["memory.events.local", "memory.events"],
    limit: "memory.max",
    hits: ["memory.events.local", "memory.events"],
    hit: "oom",
  },
} as const;

/**
 * Asks the memory controller of the host what it has done to the processes of a cgroup, which must still be there.
 *
 * @param path below each hierarchy's root
 * @returns undefined where no hierarchy has the controller
 */
export function memoryKills(
  path: string,
  trees: readonly Hierarchy[] = hierarchies(),
): MemoryKills | undefined {
  for (const { root, version } of trees) {
    const { kills, limit, hits, hit } = FILES[version];
    const text = firstOf(root + path, kills);
    if (text === undefined) continue;
    const count = fieldOf(text, "oom_kill");
    if (count === 0) return { count };
    for (let cgroup = path; cgroup !== ""; cgroup = cgroup.slice(0, cgroup.lastIndexOf("/"))) {
      const folder = root + cgroup;
      const bytes = Number(firstOf(folder, [limit])?.trim() ?? "max");
      // `max` is no number.
      if (!(bytes < NO_LIMIT)) continue;
      if (fieldOf(firstOf(folder, hits) ?? "", hit) > 0) return { count, limit: { cgroup, bytes } };
    }
    return { count };
  }
  return undefined;
}

function firstOf(folder: string, names: readonly string[]): string | undefined {
  for (const name of names) {
    try {
      return Deno.readTextFileSync(`${folder}/${name}`);
    } catch {
      // Of another version, an older kernel, or without the controller.
    }
  }
  return undefined;
}

/** The number behind a name in a file of `name number` lines; of the whole file without a name. */
function fieldOf(text: string, name: string): number {
  const [, value = "0"] = (name === "" ? /^(\d+)/ : new RegExp(`^${name} (\\d+)$`, "m")).exec(text) ?? [];
  return Number(value);
}
