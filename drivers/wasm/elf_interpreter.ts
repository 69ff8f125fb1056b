const PT_INTERP = 3;
/** Longest path of a loader. */
const MAX_PATH = 4096;
/** Enough for the program headers of every linker. */
export const ELF_HEAD_LENGTH = 64 * 1024;

/**
 * The loader that a program names in its header (ELF, 64 bits, little endian).
 *
 * @param head the first {@link ELF_HEAD_LENGTH} bytes of the file, or all of it
 * @returns undefined for a static program, or a file that is none
 * @see https://refspecs.linuxfoundation.org/elf/gabi4+/ch5.pheader.html
 */
export function elfInterpreter(head: Uint8Array): string | undefined {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const isElf64 = head.length >= 64 && view.getUint32(0) === 0x7f454c46 && head[4] === 2 && head[5] === 1;
  if (!isElf64) return undefined;
  const table = Number(view.getBigUint64(32, true));
  const size = view.getUint16(54, true);
  const count = view.getUint16(56, true);
  for (let index = 0; index < count; index++) {
    const at = table + index * size;
    if (size < 56 || at + size > head.length) return undefined;
    if (view.getUint32(at, true) !== PT_INTERP) continue;
    const offset = Number(view.getBigUint64(at + 8, true));
    const length = Number(view.getBigUint64(at + 32, true));
    if (length < 2 || length > MAX_PATH || offset + length > head.length) return undefined;
    // It ends with a NUL.
    return new TextDecoder().decode(head.subarray(offset, offset + length - 1));
  }
  return undefined;
}
