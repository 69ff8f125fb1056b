/** Where it is loaded, above what the machine keeps for itself. */
const ENTRY = 0x100_0000;
const CODE_OFFSET = 0x1000;
/** `hlt`, and back to it: the same in 32 and 64 bits. */
const CODE = [0xf4, 0xeb, 0xfd];
const ELF_HEADER = 64;
const PROGRAM_HEADER = 56;
const PT = { LOAD: 1, NOTE: 4 };
/** The note that names a kernel's 32-bit PVH entry (xen/interface/elfnote.h). */
const XEN_ELFNOTE_PHYS32_ENTRY = 18;
const NOTE_BYTES = 24;
const NOTE_ALIGNMENT = 4;

/**
 * A kernel that stands still, for what is said to a VMM whose VM runs: an ELF file for x86_64 with a PVH entry, which real
 * VMMs start on any KVM, and the QEMU of a stand-in too.
 */
export function idleKernel(): Uint8Array<ArrayBuffer> {
  const file = new Uint8Array(CODE_OFFSET + CODE.length);
  const view = new DataView(file.buffer);
  const u16 = (at: number, value: number) => view.setUint16(at, value, true);
  const u32 = (at: number, value: number) => view.setUint32(at, value, true);
  const u64 = (at: number, value: number) => view.setBigUint64(at, BigInt(value), true);
  file.set([0x7f, ...new TextEncoder().encode("ELF"), 2, 1, 1]);
  u16(16, 2); // ET_EXEC
  u16(18, 62); // EM_X86_64
  u32(20, 1);
  u64(24, ENTRY);
  u64(32, ELF_HEADER);
  u16(52, ELF_HEADER);
  u16(54, PROGRAM_HEADER);
  u16(56, 2);
  const header = (index: number, type: number, offset: number, address: number, bytes: number) => {
    const at = ELF_HEADER + index * PROGRAM_HEADER;
    u32(at, type);
    u32(at + 4, 5);
    u64(at + 8, offset);
    u64(at + 16, address);
    u64(at + 24, address);
    u64(at + 32, bytes);
    u64(at + 40, bytes);
    u64(at + 48, NOTE_ALIGNMENT);
  };
  const note = ELF_HEADER + 2 * PROGRAM_HEADER;
  header(0, PT.LOAD, CODE_OFFSET, ENTRY, CODE.length);
  header(1, PT.NOTE, note, 0, NOTE_BYTES);
  u32(note, 4);
  u32(note + 4, 8);
  u32(note + 8, XEN_ELFNOTE_PHYS32_ENTRY);
  file.set(new TextEncoder().encode("Xen"), note + 12);
  u64(note + 16, ENTRY);
  file.set(CODE, CODE_OFFSET);
  return file;
}
