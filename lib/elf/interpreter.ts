const PT_INTERP = 3;
/** Longest path of a loader. */
const MAX_PATH = 4096;
/** Of the head of a file, and of an entry of its table of segments. */
const HEAD_BYTES = 64;
const ENTRY_BYTES = 56;
/** More segments than any linker makes. */
const MAX_ENTRIES = 1024;

/** Reads bytes of a file: fewer where it ends before. */
export type ReadAt = (offset: number, length: number) => Promise<Uint8Array>;

/**
 * The loader that a program names (ELF, 64 bits, little endian). Its name may be anywhere in the file: a program that was given
 * another one later has it behind all else.
 *
 * @returns undefined for a static program, or a file that is none
 * @see https://refspecs.linuxfoundation.org/elf/gabi4+/ch5.pheader.html
 */
export async function elfInterpreter(readAt: ReadAt): Promise<string | undefined> {
  const head = viewOf(await readAt(0, HEAD_BYTES));
  const isElf64 = head.byteLength >= HEAD_BYTES && head.getUint32(0) === 0x7f454c46 &&
    head.getUint8(4) === 2 &&
    head.getUint8(5) === 1;
  if (!isElf64) return undefined;
  const size = head.getUint16(54, true);
  const count = head.getUint16(56, true);
  if (size !== ENTRY_BYTES || count > MAX_ENTRIES) return undefined;
  const table = viewOf(await readAt(Number(head.getBigUint64(32, true)), size * count));
  for (let at = 0; at + size <= table.byteLength; at += size) {
    if (table.getUint32(at, true) !== PT_INTERP) continue;
    const length = Number(table.getBigUint64(at + 32, true));
    if (length < 2 || length > MAX_PATH) return undefined;
    const path = await readAt(Number(table.getBigUint64(at + 8, true)), length);
    // It ends with a NUL.
    return path.length < length ? undefined : new TextDecoder().decode(path.subarray(0, length - 1));
  }
  return undefined;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
