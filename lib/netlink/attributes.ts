import { KuasarError } from "../errors/mod.ts";

/** A netlink attribute (struct nlattr): a type and bytes. */
export interface Attribute {
  type: number;
  data: Uint8Array;
}

const HEADER = 4;
/** The two top bits of a type are flags: nested, network byte order. */
const TYPE_MASK = 0x3fff;
const NESTED = 0x8000;

/** Rounds up to the alignment of netlink. */
export function align4(length: number): number {
  return (length + 3) & ~3;
}

/** An attribute with a byte. */
export function u8(type: number, value: number): Attribute {
  return { type, data: Uint8Array.of(value) };
}

/** An attribute with a 16-bit number in the byte order of the host. */
export function u16(type: number, value: number): Attribute {
  const data = new Uint8Array(2);
  new DataView(data.buffer).setUint16(0, value, true);
  return { type, data };
}

/** An attribute with a 32-bit number in the byte order of the host, which is little-endian on all our hosts. */
export function u32(type: number, value: number): Attribute {
  const data = new Uint8Array(4);
  new DataView(data.buffer).setUint32(0, value >>> 0, true);
  return { type, data };
}

/** An attribute with a string that ends in NUL. */
export function text(type: number, value: string): Attribute {
  const data = new Uint8Array(value.length + 1);
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index);
    if (code === 0 || code > 127) {
      throw new KuasarError(
        "INVALID_ARGUMENT",
        `Cannot use the name ${JSON.stringify(value)}: not plain ASCII`,
      );
    }
    data[index] = code;
  }
  return { type, data };
}

/** An attribute with raw bytes. */
export function raw(type: number, data: Uint8Array): Attribute {
  return { type, data };
}

/** An attribute that holds others. */
export function nested(type: number, attributes: readonly Attribute[]): Attribute {
  return { type: type | NESTED, data: encodeAttributes(attributes) };
}

/** Attributes as bytes, each padded to 4. */
export function encodeAttributes(attributes: readonly Attribute[]): Uint8Array {
  const length = attributes.reduce((sum, { data }) => sum + HEADER + align4(data.length), 0);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { type, data } of attributes) {
    if (HEADER + data.length > 0xffff) {
      throw new KuasarError("INVALID_ARGUMENT", `Cannot encode a netlink attribute of ${data.length} bytes`);
    }
    view.setUint16(at, HEADER + data.length, true);
    view.setUint16(at + 2, type, true);
    bytes.set(data, at + HEADER);
    at += HEADER + align4(data.length);
  }
  return bytes;
}

/**
 * Attributes by type without its flags; of a type that comes twice the last one counts.
 *
 * @throws {KuasarError} DATA_LOSS when a length does not fit
 */
export function decodeAttributes(bytes: Uint8Array): Map<number, Uint8Array> {
  const attributes = new Map<number, Uint8Array>();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + HEADER <= bytes.length;) {
    const length = view.getUint16(at, true);
    if (length < HEADER || at + length > bytes.length) {
      throw new KuasarError(
        "DATA_LOSS",
        `Cannot decode netlink attributes: length ${length} at ${at} of ${bytes.length}`,
      );
    }
    attributes.set(view.getUint16(at + 2, true) & TYPE_MASK, bytes.subarray(at + HEADER, at + length));
    at += align4(length);
  }
  return attributes;
}

/** The number in an attribute of up to 4 bytes. */
export function numberIn(data: Uint8Array | undefined): number | undefined {
  if (data === undefined || data.length === 0 || data.length > 4) return undefined;
  let value = 0;
  for (let index = data.length - 1; index >= 0; index--) value = value * 256 + data[index]!;
  return value;
}

/** The string in an attribute, without what follows its NUL. */
export function textIn(data: Uint8Array | undefined): string | undefined {
  if (data === undefined) return undefined;
  const end = data.indexOf(0);
  return String.fromCharCode(...(end < 0 ? data : data.subarray(0, end)));
}
