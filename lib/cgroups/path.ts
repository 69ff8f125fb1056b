import { KuasarError } from "../errors/mod.ts";

/** A path below a hierarchy's root; systemd's units escape what is special with a backslash. */
const PATH = /^\/?(?:[A-Za-z0-9_.:@\\-]+\/?)*$/;
const MAX_LENGTH = 1024;

/**
 * The path of a cgroup below the root of a hierarchy, from CRI's `cgroup_parent`: a path, or the name of a systemd slice, which
 * lies in the slices that its name begins with.
 *
 * @returns with a slash at its beginning and none at its end
 * @throws KuasarError INVALID_ARGUMENT
 */
export function cgroupPath(parent: string): string {
  const parts = parent.split("/").filter(Boolean);
  if (
    parent.length > MAX_LENGTH || !PATH.test(parent) || parts.some((part) => part === "." || part === "..")
  ) {
    throw new KuasarError(
      "INVALID_ARGUMENT",
      `Cannot use the cgroup ${JSON.stringify(parent.slice(0, 200))}: it is no path below /sys/fs/cgroup`,
    );
  }
  const [only, ...others] = parts;
  if (only === undefined) return "";
  if (others.length > 0 || !only.endsWith(".slice")) return `/${parts.join("/")}`;
  return expandSlice(only);
}

/** `a-b.slice` is `/a.slice/a-b.slice` (systemd.slice(5)). */
function expandSlice(slice: string): string {
  const names = slice.slice(0, -".slice".length).split("-");
  return names.map((_, i) => `/${names.slice(0, i + 1).join("-")}.slice`).join("");
}
