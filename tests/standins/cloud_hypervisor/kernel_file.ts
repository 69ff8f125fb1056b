const PT_NOTE = 4;
/** The note by which a kernel names its 32-bit PVH entry (xen/interface/elfnote.h). */
const XEN_ELFNOTE_PHYS32_ENTRY = 18;

/** Why Cloud Hypervisor would not boot this kernel; undefined where it would. */
export function kernelProblem(path: string): string | undefined {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = Deno.readFileSync(path);
  } catch (error) {
    return `the kernel ${path} cannot be read: ${(error as Error).message}`;
  }
  const view = new DataView(bytes.buffer);
  if (bytes.length > 0x206 && view.getUint32(0x202, false) === 0x48647253) return undefined; // "HdrS"
  if (bytes.length < 64 || view.getUint32(0, false) !== 0x7f454c46) {
    return "the kernel is neither a bzImage nor ELF";
  }
  return hasPvhEntry(view) ? undefined : "the kernel has no PVH header";
}

function hasPvhEntry(view: DataView): boolean {
  const table = Number(view.getBigUint64(32, true));
  const size = view.getUint16(54, true);
  const count = view.getUint16(56, true);
  for (let i = 0; i < count; i++) {
    const header = table + i * size;
    if (view.getUint32(header, true) !== PT_NOTE) continue;
    let at = Number(view.getBigUint64(header + 8, true));
    const end = at + Number(view.getBigUint64(header + 32, true));
    while (at + 12 <= end) {
      const nameSize = view.getUint32(at, true);
      const dataSize = view.getUint32(at + 4, true);
      const type = view.getUint32(at + 8, true);
      if (
        type === XEN_ELFNOTE_PHYS32_ENTRY && nameSize === 4 && view.getUint32(at + 12, false) === 0x58656e00
      ) {
        return true;
      }
      at += 12 + align(nameSize) + align(dataSize);
    }
  }
  return false;
}

function align(size: number): number {
  return (size + 3) & ~3;
}
