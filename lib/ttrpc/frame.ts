/** Bytes of a frame's header: length u32, stream id u32, type u8, flags u8; numbers are big-endian. */
export const HEADER_BYTES = 10;

/** Longest body that may be sent; a longer one is drained and answered with RESOURCE_EXHAUSTED. */
export const MAX_BODY_BYTES = 4 << 20;

/** The last odd stream id of a connection. */
export const MAX_STREAM_ID = 0xffff_ffff;

/** The kinds of a frame. */
export const FRAME_TYPE = { request: 1, response: 2, data: 3 } as const;

/** Bits of a frame's flags. */
export const FLAG = {
  /** The sender sends no more on this stream. */
  remoteClosed: 0x01,
  /** A request that more data follows. */
  remoteOpen: 0x02,
  /** A data frame without a message. */
  noData: 0x04,
} as const;

/** One frame of the ttrpc protocol. */
export interface Frame {
  streamId: number;
  /** One of `FRAME_TYPE`, or a number that is not known here. */
  type: number;
  flags: number;
  /** Points into the bytes that were read; empty where the frame was oversized. */
  body: Uint8Array;
  /** Announced length of a body over the limit, which was drained. */
  oversizedBytes?: number;
}

/** Encodes the header of a frame whose body has `length` bytes. */
export function encodeHeader(length: number, streamId: number, type: number, flags: number): Uint8Array {
  const header = new Uint8Array(HEADER_BYTES);
  const view = new DataView(header.buffer);
  view.setUint32(0, length);
  view.setUint32(4, streamId);
  header[8] = type;
  header[9] = flags;
  return header;
}
