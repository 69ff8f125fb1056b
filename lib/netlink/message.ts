import { KuasarError } from "../errors/mod.ts";
import { align4 } from "./attributes.ts";

/** Flags of a message (linux/netlink.h). */
export const NLM = {
  REQUEST: 0x1,
  MULTI: 0x2,
  ACK: 0x4,
  DUMP_INTERRUPTED: 0x10,
  CAPPED: 0x100,
  ACK_TLVS: 0x200,
  DUMP: 0x300,
  REPLACE: 0x100,
  EXCL: 0x200,
  CREATE: 0x400,
  APPEND: 0x800,
} as const;

/** Types of messages that every netlink family has. */
export const NLMSG = { NOOP: 1, ERROR: 2, DONE: 3, OVERRUN: 4 } as const;

/** What is asked of the kernel; the socket adds sequence number and the REQUEST flag. */
export interface NetlinkRequest {
  type: number;
  /** Bits of {@link NLM} besides REQUEST and ACK. */
  flags: number;
  payload: Uint8Array;
  /** What it does, for messages: "delete link 7". */
  action: string;
}

/** A message from the kernel. */
export interface NetlinkMessage {
  type: number;
  flags: number;
  sequence: number;
  payload: Uint8Array;
}

/** A way to the kernel: `NetlinkSocket` in production. */
export interface Netlink {
  /** Sends a request and waits for its acknowledgement. @throws the kernel's errno */
  execute(request: NetlinkRequest): void;
  /** Asks for a list. @returns the payload of each entry */
  dump(request: NetlinkRequest): Uint8Array[];
}

const HEADER = 16;

/** A message with its header (struct nlmsghdr). */
export function encodeMessage({ type, flags, sequence, payload }: NetlinkMessage): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER + align4(payload.length));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, HEADER + payload.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, sequence, true);
  bytes.set(payload, HEADER);
  return bytes;
}

/**
 * The messages in what one receive returned.
 *
 * @throws {KuasarError} DATA_LOSS when a length does not fit
 */
export function decodeMessages(bytes: Uint8Array): NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + HEADER <= bytes.length;) {
    const length = view.getUint32(at, true);
    if (length < HEADER || at + length > bytes.length) {
      throw new KuasarError(
        "DATA_LOSS",
        `Cannot decode a netlink message: length ${length} at ${at} of ${bytes.length}`,
      );
    }
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      payload: bytes.subarray(at + HEADER, at + length),
    });
    at += align4(length);
  }
  return messages;
}

/** Joins a fixed struct and what follows it. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + align4(part.length), 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += align4(part.length);
  }
  return bytes;
}
