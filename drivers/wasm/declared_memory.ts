import { KuasarError } from "../../lib/errors/mod.ts";

/** Bytes of a page of linear memory. */
const PAGE = 65_536n;
/** Bytes of the preamble. */
const PREAMBLE = 8;
/** The section that declares memories. */
const MEMORY_SECTION = 5;
/** Of it, more than any module declares in earnest. */
const MAX_SECTION = 1 << 16;
/** The longest number, of 64 bits. */
const MAX_LEB128 = 10;
/** Of a memory's limits: a maximum follows the minimum. */
const HAS_MAXIMUM = 1;

/**
 * The memory with which a core module begins: the sum of what it declares. Imported memories are its host's.
 *
 * @param read at most so many bytes of the module from an offset on; fewer at its end
 * @returns bytes; undefined where the module is not well formed, which its engine will tell better
 * @see https://webassembly.github.io/spec/core/binary/modules.html#memory-section
 */
export function declaredMemory(read: (offset: number, length: number) => Uint8Array): bigint | undefined {
  for (let at = PREAMBLE;;) {
    const head = read(at, 1 + MAX_LEB128);
    if (head.length === 0) return 0n;
    const size = leb128(head, 1);
    if (size === undefined) return undefined;
    const content = at + size.next;
    if (head[0] === MEMORY_SECTION) {
      return size.value > MAX_SECTION ? undefined : minima(read(content, Number(size.value)));
    }
    // Files are smaller; a number of 64 bits would not end.
    if (size.value > BigInt(Number.MAX_SAFE_INTEGER - content)) return undefined;
    at = content + Number(size.value);
  }
}

/** @throws KuasarError FAILED_PRECONDITION where a module begins with more than it may ever have */
export function checkDeclaredMemory(
  name: string,
  declared: bigint | undefined,
  limit: bigint | undefined,
): void {
  if (declared === undefined || limit === undefined || declared <= limit) return;
  throw new KuasarError(
    "FAILED_PRECONDITION",
    `Cannot run the module ${name}: it begins with ${declared} bytes of memory, and the container's limit is ${limit}`,
  );
}

function minima(section: Uint8Array): bigint | undefined {
  const count = leb128(section, 0);
  if (count === undefined) return undefined;
  let total = 0n;
  let at = count.next;
  for (let index = 0n; index < count.value; index++) {
    const flags = section[at];
    const minimum = leb128(section, at + 1);
    if (flags === undefined || minimum === undefined) return undefined;
    total += minimum.value * PAGE;
    at = minimum.next;
    if ((flags & HAS_MAXIMUM) === 0) continue;
    const maximum = leb128(section, at);
    if (maximum === undefined) return undefined;
    at = maximum.next;
  }
  return total;
}

/** An unsigned number and where the next thing begins; undefined where it does not end. */
function leb128(bytes: Uint8Array, from: number): { value: bigint; next: number } | undefined {
  let value = 0n;
  for (let index = 0; index < MAX_LEB128; index++) {
    const byte = bytes[from + index];
    if (byte === undefined) return undefined;
    value |= BigInt(byte & 0x7f) << BigInt(7 * index);
    if (byte < 0x80) return { value, next: from + index + 1 };
  }
  return undefined;
}
