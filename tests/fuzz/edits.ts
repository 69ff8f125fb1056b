/** A way to damage bytes. Places and lengths are taken modulo what there is. */
export type Edit =
  | { kind: "byte"; at: number; value: number }
  /** Four bytes as a number, the highest first. */
  | { kind: "number"; at: number; value: number }
  | { kind: "cut"; at: number; length: number }
  | { kind: "repeat"; at: number; length: number; times: number }
  | { kind: "insert"; at: number; bytes: Uint8Array }
  | { kind: "end"; at: number };

/** No input is longer. */
export const MAX_INPUT_BYTES = 4096;

/** Lengths and ids at which parsers change their mind. */
export const NUMBERS = [
  ...[0, 1, 4, 10, 127, 128, 255, 256, 65535, 65536, (256 << 10) - 1, 256 << 10, (4 << 20) - 1, 4 << 20],
  ...[(4 << 20) + 1, 0xff_ffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff],
] as const;

/** The most bytes that one edit takes as they are. */
export const MAX_PIECE = 64;
export const MAX_TIMES = 40;

/** Applies edits one after the other. */
export function applyEdits(sample: Uint8Array, edits: readonly Edit[]): Uint8Array {
  return edits.reduce(applyEdit, sample).slice(0, MAX_INPUT_BYTES);
}

function applyEdit(bytes: Uint8Array, edit: Edit): Uint8Array {
  const at = edit.at % (bytes.length + 1);
  switch (edit.kind) {
    case "byte":
      return overwritten(bytes, at, [edit.value]);
    case "number":
      return overwritten(bytes, at, [24, 16, 8, 0].map((shift) => edit.value >>> shift & 255));
    case "cut":
      return spliced(bytes, at, edit.length, []);
    case "repeat": {
      const piece = bytes.subarray(at, at + edit.length);
      return spliced(bytes, at, 0, Array.from({ length: edit.times }, () => piece));
    }
    case "insert":
      return spliced(bytes, at, 0, [edit.bytes]);
    case "end":
      return bytes.subarray(0, at);
  }
}

function overwritten(bytes: Uint8Array, at: number, values: readonly number[]): Uint8Array {
  const changed = bytes.slice();
  for (const [index, value] of values.entries()) {
    if (at + index < changed.length) changed[at + index] = value;
  }
  return changed;
}

function spliced(
  bytes: Uint8Array,
  at: number,
  remove: number,
  pieces: readonly Uint8Array[],
): Uint8Array {
  const parts = [bytes.subarray(0, at), ...pieces, bytes.subarray(at + remove)];
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let filled = 0;
  for (const part of parts) {
    whole.set(part, filled);
    filled += part.length;
  }
  return whole;
}
