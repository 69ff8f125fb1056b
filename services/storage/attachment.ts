import { relative } from "node:path/posix";
import { isWithin } from "../../lib/mounts/mod.ts";

/** A file or directory of the host that is in a pod's share once, for all containers that use it or a part of it. */
export interface Attachment {
  /** Its name in the share, never used again while the pod lives: the guest may remember what was there. */
  id: string;
  /** `major:minor` of its file system. */
  device: string;
  /** Where it is in that file system, whatever it is mounted at. */
  path: string;
  /** With what was mounted below. */
  recursive: boolean;
  /** Enforced on the host. */
  mode: "rw" | "ro" | "rro";
  propagation: "private" | "slave";
}

/** What a container asks for. */
export type Wanted = Omit<Attachment, "id">;

/**
 * Whether an attachment serves what a container asks for, as far as can be told by its name.
 *
 * @param modeOfHost the mode can be kept up by the host alone
 * @returns the path below it, undefined where it does not serve
 */
export function pathBelow(attachment: Attachment, wanted: Wanted, modeOfHost: boolean): string | undefined {
  const { device, path, recursive, mode, propagation } = attachment;
  if (device !== wanted.device || !isWithin(wanted.path, path)) return undefined;
  if (recursive !== wanted.recursive || propagation !== wanted.propagation) return undefined;
  // What the guest may write to anyway is made read-only for one of its containers by the guest.
  if (mode !== wanted.mode && (mode !== "rw" || modeOfHost)) return undefined;
  return relative(path, wanted.path);
}
