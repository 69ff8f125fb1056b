import { type ConnectionState, FRAME_TYPE, HEADER_BYTES } from "../../lib/ttrpc/mod.ts";

/**
 * Reads a transcript: frames as on the wire, requests as they came and answers without their bodies. A last one that is not
 * whole was never acted upon.
 */
export function readTranscript(bytes: Uint8Array): ConnectionState {
  const open = new Map<number, Uint8Array>();
  let lastStreamId = 0;
  for (let at = 0; at + HEADER_BYTES <= bytes.length;) {
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, HEADER_BYTES);
    const [length, streamId, type] = [view.getUint32(0), view.getUint32(4), view.getUint8(8)];
    at += HEADER_BYTES;
    if (at + length > bytes.length) break;
    lastStreamId = Math.max(lastStreamId, streamId);
    if (type === FRAME_TYPE.request) open.set(streamId, bytes.subarray(at, at + length));
    else open.delete(streamId);
    at += length;
  }
  return { lastStreamId, open: [...open].map(([streamId, body]) => ({ streamId, body })) };
}
