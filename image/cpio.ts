import type { Entry } from "./entry.ts";
import { joinBytes } from "./join_bytes.ts";

const MAGIC = "070701";
const TRAILER = "TRAILER!!!";
const ALIGNMENT = 4;

/** File type bits of st_mode (inode(7)). */
const TYPE_BITS = { directory: 0o040000, file: 0o100000, link: 0o120000, device: 0o020000 } as const;

const encoder = new TextEncoder();

interface Header {
  inode: number;
  mode: number;
  links: number;
  size: number;
  major: number;
  minor: number;
  nameSize: number;
}

/** The 110 bytes in front of every member: thirteen numbers of eight hex digits behind the magic. */
function header(h: Header): Uint8Array {
  const fields = [h.inode, h.mode, 0, 0, h.links, 0, h.size, 0, 0, h.major, h.minor, h.nameSize, 0];
  return encoder.encode(MAGIC + fields.map((n) => n.toString(16).padStart(8, "0")).join(""));
}

function padding(length: number): Uint8Array {
  return new Uint8Array((ALIGNMENT - length % ALIGNMENT) % ALIGNMENT);
}

function member(
  name: string,
  mode: number,
  inode: number,
  content: Uint8Array,
  device = { major: 0, minor: 0 },
): Uint8Array[] {
  const nameBytes = encoder.encode(`${name}\0`);
  const links = (mode & 0o170000) === TYPE_BITS.directory ? 2 : 1;
  const head = header({ inode, mode, links, size: content.length, ...device, nameSize: nameBytes.length });
  return [head, nameBytes, padding(head.length + nameBytes.length), content, padding(content.length)];
}

/**
 * Writes a cpio archive in the "newc" format, which the kernel unpacks as the initramfs.
 *
 * Owner, group and time are 0 and inodes are counted, so that the same entries give the same bytes.
 *
 * @see Documentation/driver-api/early-userspace/buffer-format.rst of the kernel
 */
export function cpio(entries: readonly Entry[]): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  entries.forEach((entry, index) => {
    const mode = TYPE_BITS[entry.kind] | entry.mode;
    const inode = index + 1;
    switch (entry.kind) {
      case "file":
        parts.push(...member(entry.path, mode, inode, entry.content));
        break;
      case "link":
        parts.push(...member(entry.path, mode, inode, encoder.encode(entry.target)));
        break;
      case "device":
        parts.push(
          ...member(entry.path, mode, inode, new Uint8Array(), { major: entry.major, minor: entry.minor }),
        );
        break;
      case "directory":
        parts.push(...member(entry.path, mode, inode, new Uint8Array()));
        break;
    }
  });
  parts.push(...member(TRAILER, 0, 0, new Uint8Array()));
  return joinBytes(parts);
}
