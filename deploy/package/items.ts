import type { Item } from "../install/item.ts";

/** A text that is made for the package. */
export function text(path: string, text: string, mode = 0o644): Item {
  return { kind: "text", path, mode, text };
}

/** A text that belongs to the administrator once it is installed. */
export function config(path: string, text: string): Item {
  return { kind: "text", path, mode: 0o644, text, config: true };
}

/** A file of the build or the checkout. */
export function copy(path: string, source: string, mode = 0o644): Item {
  return { kind: "copy", path, mode, source };
}
