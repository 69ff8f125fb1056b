/** A file, directory, link or device node of the guest's root file system. All belong to root, with time 0. */
export type Entry =
  & {
    /** Without a slash in front: `usr/bin/crun`. */
    path: string;
    /** Permission bits. */
    mode: number;
    /** What it comes from: `crun 1.21-1`, `kuasar`. */
    origin: string;
  }
  & (
    | { kind: "directory" }
    | {
      kind: "file";
      content: Uint8Array; /** Extended attributes by their names. */
      xattrs?: Readonly<Record<string, Uint8Array>>;
    }
    | { kind: "link"; target: string }
    | { kind: "device"; major: number; minor: number }
  );

/** Sorted by path, so that a directory stands before what is in it and the same tree gives the same bytes. */
export function inOrder(entries: readonly Entry[]): Entry[] {
  return [...entries].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}
