/** Marks the "legacy" frame, the only one that the kernel's unpacker of an initramfs knows. */
const MAGIC = 0x184c2102;

/** What one block may unpack to: the kernel's buffer. */
const BLOCK_SIZE = 8 << 20;

const MIN_MATCH = 4;
const MAX_OFFSET = 65_535;
/** A block ends with at least five literals, and its last match starts twelve bytes before the end or earlier. */
const LAST_LITERALS = 5;
const MATCH_START_LIMIT = 12;

const HASH_BITS = 16;
/** How many earlier places with the same hash are compared; more gains less and less. */
const SEARCH_DEPTH = 32;

/** Growing output with room for the worst case, so that no write needs a check. */
class Output {
  readonly bytes: Uint8Array<ArrayBuffer>;
  at = 0;

  constructor(inputSize: number) {
    this.bytes = new Uint8Array(inputSize + Math.ceil(inputSize / 255) + 16);
  }

  /** A length beyond the four bits of the token: as many 255 as fit, then the rest. */
  #more(length: number): void {
    for (; length >= 255; length -= 255) this.bytes[this.at++] = 255;
    this.bytes[this.at++] = length;
  }

  /** One sequence: literals, then a copy of `matchLength` bytes from `offset` back; the last one has no copy. */
  sequence(literals: Uint8Array, offset: number, matchLength: number): void {
    const extra = matchLength === 0 ? 0 : matchLength - MIN_MATCH;
    this.bytes[this.at++] = (Math.min(literals.length, 15) << 4) | Math.min(extra, 15);
    if (literals.length >= 15) this.#more(literals.length - 15);
    this.bytes.set(literals, this.at);
    this.at += literals.length;
    if (matchLength === 0) return;
    this.bytes[this.at++] = offset & 0xff;
    this.bytes[this.at++] = offset >> 8;
    if (extra >= 15) this.#more(extra - 15);
  }
}

/**
 * Compresses into the LZ4 block format.
 *
 * @see https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md
 */
export function lz4Block(input: Uint8Array): Uint8Array<ArrayBuffer> {
  const output = new Output(input.length);
  const head = new Int32Array(1 << HASH_BITS).fill(-1);
  const previous = new Int32Array(input.length);
  const word = (at: number) =>
    input[at]! | (input[at + 1]! << 8) | (input[at + 2]! << 16) | (input[at + 3]! << 24);
  const remember = (at: number) => {
    const slot = Math.imul(word(at), 2654435761) >>> (32 - HASH_BITS);
    previous[at] = head[slot]!;
    head[slot] = at;
  };
  const matchEnd = input.length - LAST_LITERALS;
  let literalsFrom = 0;
  for (let at = 0; at <= input.length - MATCH_START_LIMIT;) {
    remember(at);
    let best = 0;
    let from = 0;
    let candidate = previous[at]!;
    for (let depth = 0; depth < SEARCH_DEPTH && candidate >= 0 && at - candidate <= MAX_OFFSET; depth++) {
      // The byte behind the best match so far tells most candidates apart.
      if (input[candidate + best] === input[at + best]) {
        let length = 0;
        while (at + length < matchEnd && input[candidate + length] === input[at + length]) length++;
        if (length > best) [best, from] = [length, candidate];
      }
      candidate = previous[candidate]!;
    }
    if (best < MIN_MATCH) {
      at++;
      continue;
    }
    output.sequence(input.subarray(literalsFrom, at), at - from, best);
    const next = at + best;
    for (at++; at < next; at++) if (at <= input.length - MATCH_START_LIMIT) remember(at);
    literalsFrom = next;
  }
  output.sequence(input.subarray(literalsFrom), 0, 0);
  return output.bytes.subarray(0, output.at);
}

/**
 * Compresses as `lz4 -l` does: what the kernel unpacks as an initramfs, and much sooner than what gzip packs.
 *
 * Our own and not the program's, so that the bytes do not depend on the version that a host has.
 */
export function lz4Legacy(input: Uint8Array): Uint8Array<ArrayBuffer> {
  const blocks: Uint8Array[] = [];
  for (let at = 0; at < input.length; at += BLOCK_SIZE) {
    blocks.push(lz4Block(input.subarray(at, at + BLOCK_SIZE)));
  }
  const bytes = new Uint8Array(blocks.reduce((sum, block) => sum + 4 + block.length, 4));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  let at = 4;
  for (const block of blocks) {
    view.setUint32(at, block.length, true);
    bytes.set(block, at + 4);
    at += 4 + block.length;
  }
  return bytes;
}
