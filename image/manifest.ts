import { createHash } from "node:crypto";
import type { Entry } from "./entry.ts";

/** What the image holds, one object an entry, for people and for scanners. */
export function manifest(entries: readonly Entry[]): string {
  const rows = entries.map((entry) => {
    const common = {
      path: `/${entry.path}`,
      kind: entry.kind,
      mode: `0${entry.mode.toString(8)}`,
      origin: entry.origin,
    };
    switch (entry.kind) {
      case "file":
        return {
          ...common,
          size: entry.content.length,
          sha256: createHash("sha256").update(entry.content).digest("hex"),
        };
      case "link":
        return { ...common, target: entry.target };
      default:
        return common;
    }
  });
  return JSON.stringify(rows, null, 2) + "\n";
}
