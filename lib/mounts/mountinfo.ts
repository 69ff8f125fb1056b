import { join, relative } from "node:path/posix";
import { KuasarError } from "../errors/mod.ts";

/** A line of /proc/self/mountinfo; see proc_pid_mountinfo(5). */
export interface MountEntry {
  id: number;
  parent: number;
  /** `major:minor` of the file system. */
  device: string;
  /** What of the file system is mounted. */
  root: string;
  mountPoint: string;
  /** Options of this mount. */
  options: string[];
  /** Propagation: `shared:N`, `master:N`, `unbindable`. */
  propagation: string[];
  fsType: string;
  source: string;
  /** Options of the file system, the same at each of its mounts. */
  superOptions: string[];
}

/** Reads the mounts of this process. @throws INTERNAL where the kernel's text is not understood */
export function readMountinfo(): MountEntry[] {
  return parseMountinfo(Deno.readTextFileSync("/proc/self/mountinfo"));
}

/** Parses the text of a mountinfo file. @throws INTERNAL for a line that does not have its form */
export function parseMountinfo(text: string): MountEntry[] {
  return text.split("\n").filter((line) => line !== "").map(parseLine);
}

function parseLine(line: string): MountEntry {
  const words = line.split(" ");
  const dash = words.indexOf("-", 6);
  const [id, parent, device, root, mountPoint, options] = words;
  const [fsType, source, superOptions] = words.slice(dash + 1);
  if (dash < 0 || options === undefined || fsType === undefined || source === undefined) {
    throw new KuasarError("INTERNAL", "Cannot read mountinfo: a line has too few fields", {
      evidence: [line],
    });
  }
  return {
    id: Number(id),
    parent: Number(parent),
    device: device!,
    root: unescape(root!),
    mountPoint: unescape(mountPoint!),
    options: options.split(","),
    propagation: words.slice(6, dash),
    fsType: unescape(fsType),
    source: unescape(source),
    superOptions: unescape(superOptions ?? "").split(","),
  };
}

/** Undoes the kernel's octal escapes: each stands for one byte (space, tab, newline, backslash, `#`). */
function unescape(word: string): string {
  return word.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8)));
}

/** True where `path` is `dir` or lies below it, component by component (`/a/bc` is not below `/a/b`). */
export function isWithin(path: string, dir: string): boolean {
  return path === dir || path.startsWith(dir.endsWith("/") ? dir : dir + "/");
}

/** The mounts at and below `dir`, each before the one it is mounted on: the order to unmount them in. */
export function mountsWithin(entries: readonly MountEntry[], dir: string): MountEntry[] {
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  const depth = (entry: MountEntry) => {
    let count = 0;
    // The root mount's parent is outside the list, or is itself.
    for (let at = byId.get(entry.parent); at && count < entries.length; at = byId.get(at.parent)) count++;
    return count;
  };
  return entries
    .filter((entry) => isWithin(entry.mountPoint, dir))
    .map((entry) => ({ entry, depth: depth(entry) }))
    .sort((a, b) => b.depth - a.depth)
    .map(({ entry }) => entry);
}

/** The mount that `path` (absolute, without symbolic links) lies in: the visible one at the longest mount point. */
export function mountOf(entries: readonly MountEntry[], path: string): MountEntry | undefined {
  const covers = entries.filter((entry) => isWithin(path, entry.mountPoint));
  const longest = Math.max(...covers.map((entry) => entry.mountPoint.length));
  const stack = covers.filter((entry) => entry.mountPoint.length === longest);
  // Of mounts stacked on one point the visible one is nobody's parent there.
  const parents = new Set(stack.map((entry) => entry.parent));
  return stack.find((entry) => !parents.has(entry.id)) ?? stack.at(-1);
}

/** Where a real path that lies in a mount is in its file system, whatever that is mounted at. */
export function placeInFilesystem(
  path: string,
  { device, root, mountPoint }: MountEntry,
): { device: string; path: string } {
  return { device, path: join(root, relative(mountPoint, path)) };
}
