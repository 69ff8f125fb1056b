import type { Entry } from "../entry.ts";
import { joinBytes } from "../join_bytes.ts";

const BLOCK = 512;
const NAME_MAX = 100;
const PREFIX_MAX = 155;

const TYPE_FLAGS = { file: "0", link: "2", device: "3", directory: "5" } as const;

const encoder = new TextEncoder();

/** A number as octal digits with a NUL behind them, in a field of `width` bytes. */
function octal(value: number, width: number): string {
  return value.toString(8).padStart(width - 1, "0") + "\0";
}

/** Splits a long path at a slash into ustar's name and prefix. @throws Error where it does not fit */
function split(path: string): { name: string; prefix: string } {
  if (encoder.encode(path).length <= NAME_MAX) return { name: path, prefix: "" };
  for (let at = path.indexOf("/"); at > 0; at = path.indexOf("/", at + 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)];
    if (encoder.encode(name).length <= NAME_MAX && encoder.encode(prefix).length <= PREFIX_MAX) {
      return { name, prefix };
    }
  }
  throw new Error(`Cannot put "${path}" into a tar archive: the path is too long`);
}

function header(entry: Entry, typeFlag: string = TYPE_FLAGS[entry.kind]): Uint8Array {
  const block = new Uint8Array(BLOCK);
  const put = (at: number, text: string) => block.set(encoder.encode(text), at);
  const { name, prefix } = split(entry.kind === "directory" ? `${entry.path}/` : entry.path);
  const size = entry.kind === "file" ? entry.content.length : 0;
  put(0, name);
  put(100, octal(entry.mode, 8) + octal(0, 8) + octal(0, 8) + octal(size, 12) + octal(0, 12));
  put(148, "        ");
  put(156, typeFlag);
  if (entry.kind === "link") put(157, entry.target);
  put(257, "ustar\x0000");
  if (entry.kind === "device") put(329, octal(entry.major, 8) + octal(entry.minor, 8));
  put(345, prefix);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(148, sum.toString(8).padStart(6, "0") + "\0 ");
  return block;
}

/** What pax says of the next entry: its extended attributes, each as a record that begins with its own length. */
function attributes(path: string, xattrs: Readonly<Record<string, Uint8Array>>): Entry & { kind: "file" } {
  const records = Object.entries(xattrs).map(([name, value]) => {
    const rest = joinBytes([encoder.encode(` SCHILY.xattr.${name}=`), value, encoder.encode("\n")]);
    let length = rest.length;
    while (length !== rest.length + String(length).length) length = rest.length + String(length).length;
    return joinBytes([encoder.encode(String(length)), rest]);
  });
  return { kind: "file", path, mode: 0o644, content: joinBytes(records), origin: "" };
}

function padded(content: Uint8Array): Uint8Array[] {
  return [content, new Uint8Array((BLOCK - content.length % BLOCK) % BLOCK)];
}

/**
 * Writes a ustar archive (POSIX.1-1988), with extended attributes as pax has them. Owner, group and time are 0: the same entries give the same bytes.
 *
 * @throws Error where a path or a link's target is too long for the format
 */
export function tar(entries: readonly Entry[]): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    if (entry.kind === "link" && encoder.encode(entry.target).length > NAME_MAX) {
      throw new Error(`Cannot put "${entry.path}" into a tar archive: its target is too long`);
    }
    if (entry.kind === "file" && entry.xattrs) {
      const own = attributes(entry.path, entry.xattrs);
      parts.push(header(own, "x"), ...padded(own.content));
    }
    parts.push(header(entry));
    if (entry.kind === "file") parts.push(...padded(entry.content));
  }
  parts.push(new Uint8Array(2 * BLOCK));
  return joinBytes(parts);
}
