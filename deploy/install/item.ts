/** Something that an installation has. Paths are without the staging folder. */
export type Item =
  /** A copy of a file of the build or the checkout. */
  | { kind: "copy"; path: string; mode: number; source: string }
  /** A text that is made for this installation. */
  | { kind: "text"; path: string; mode: number; text: string; config?: boolean }
  | { kind: "link"; path: string; target: string }
  | { kind: "folder"; path: string };
