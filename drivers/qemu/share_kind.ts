import type { Accel } from "../contract/vm/accel.ts";

/** The share to use, and what a person should know about the choice. */
export interface ShareKindChoice {
  kind: "virtiofs" | "9p" | "block";
  notes: string[];
}

/**
 * Chooses how files are shared.
 *
 * virtiofsd writes into the guest's memory from outside of QEMU. TCG keeps translations of the code that was in a
 * page before and does not notice: programs that are run from virtiofs crash. QEMU's own 9p server writes through
 * QEMU's memory API, which does notice. See docs/decisions/9p-under-emulation.md.
 */
export function chooseShareKind(wanted: "virtiofs" | "9p" | "block", accel: Accel): ShareKindChoice {
  if (wanted === "virtiofs" && accel === "tcg") {
    return {
      kind: "9p",
      notes: ["share_fs = VirtioFS is taken for 9p: under emulation virtiofs breaks programs"],
    };
  }
  return { kind: wanted, notes: [] };
}
