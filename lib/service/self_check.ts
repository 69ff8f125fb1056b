/** What a service says of itself under `--check`, as JSON: whether it could do its work with this configuration. */
export interface SelfCheck {
  /** Of the program that it drives, as that says; empty where it says none, or where there is no such program. */
  version: string;
  /** How the driver's guests get their files; empty where that is no question. */
  share: "" | "virtiofs" | "9p" | "block";
  /** What a person should know of the choices that were made. */
  notes: readonly string[];
  /** What its work cannot do without, and is not there. */
  problems: readonly SelfCheckProblem[];
}

/** Something that is missing. */
export interface SelfCheckProblem {
  /** `QEMU (qemu_path)` */
  what: string;
  /** `is missing: /usr/bin/qemu-system-x86_64 does not exist` */
  problem: string;
  /** How to get it. */
  remedy: string;
}

/** That of a service which drives no program. */
export const NOTHING_TO_SAY: SelfCheck = { version: "", share: "", notes: [], problems: [] };
