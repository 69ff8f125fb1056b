/** How much of a device `probeFilesystem` wants to see: up to the magic of btrfs. */
export const MAGIC_BYTES = 65536 + 72;

/** Magic numbers of file systems (linux/magic.h and each one's on-disk format). */
const MAGICS: readonly { type: string; offset: number; bytes: readonly number[] }[] = [
  { type: "ext4", offset: 1024 + 56, bytes: [0x53, 0xef] },
  { type: "erofs", offset: 1024, bytes: [0xe2, 0xe1, 0xf5, 0xe0] },
  { type: "xfs", offset: 0, bytes: [0x58, 0x46, 0x53, 0x42] },
  { type: "squashfs", offset: 0, bytes: [0x68, 0x73, 0x71, 0x73] },
  { type: "btrfs", offset: 65536 + 64, bytes: [0x5f, 0x42, 0x48, 0x52, 0x66, 0x53, 0x5f, 0x4d] },
];

/** The kinds of file system that a block device may carry into a guest. */
export const BLOCK_FILESYSTEMS: readonly string[] = ["ext2", "ext3", ...MAGICS.map(({ type }) => type)];

/** Recognises a file system by the first bytes of its device; ext2 and ext3 are mounted as ext4. */
export function probeFilesystem(head: Uint8Array): string | undefined {
  return MAGICS.find(({ offset, bytes }) => bytes.every((byte, i) => head[offset + i] === byte))?.type;
}
