import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { KuasarError, type Status, toStatus } from "../errors/mod.ts";
import { KeyValue, Response } from "../proto/gen/ttrpc/ttrpc.ts";
import { MAX_BODY_BYTES } from "./frame.ts";

/** A frame's body in parts, so that a large payload is never copied into its envelope. */
export type Parts = Uint8Array[];

/** Longest message of an error status; evidence beyond it is cut. */
const MAX_STATUS_TEXT = 64 << 10;

/** A status of code 0: Go servers always send it, empty, as field 1. */
const OK_STATUS = [0x0a, 0x00];

/** What a request carries besides its payload. */
export interface RequestHead {
  service: string;
  method: string;
  timeoutMs?: number | undefined;
  metadata?: ReadonlyMap<string, string> | undefined;
}

/**
 * Encodes `ttrpc.Request` around an encoded message.
 *
 * @throws RESOURCE_EXHAUSTED when it is longer than a frame may be
 */
export function encodeRequest(head: RequestHead, payload: Uint8Array): Parts {
  const writer = new BinaryWriter();
  writer.uint32(10).string(head.service).uint32(18).string(head.method);
  if (head.timeoutMs !== undefined) {
    // At least 1 ns: 0 means "no limit" on the wire.
    writer.uint32(32).int64(BigInt(Math.max(1, Math.round(head.timeoutMs * 1e6))));
  }
  for (const [key, value] of head.metadata ?? []) {
    KeyValue.encode({ key, value }, writer.uint32(42).fork()).join();
  }
  return withPayload(writer, 26, payload, head.method);
}

/**
 * Encodes a `ttrpc.Response` with status OK around an encoded message.
 *
 * @throws RESOURCE_EXHAUSTED when it is longer than a frame may be
 */
export function encodeOk(payload: Uint8Array, method: string): Parts {
  return withPayload(new BinaryWriter().raw(Uint8Array.from(OK_STATUS)), 18, payload, method);
}

/** Encodes a `ttrpc.Response` with the status of `error`. */
export function encodeError(error: unknown): Parts {
  const { code, message } = toStatus(error);
  const status: Status = { code, message: message.slice(0, MAX_STATUS_TEXT) };
  return [Response.encode({ status: { ...status, details: [] }, payload: new Uint8Array(0) }).finish()];
}

/** Refuses a message that does not fit into a frame. */
export function checkSize(bytes: number, what: string): void {
  if (bytes <= MAX_BODY_BYTES) return;
  throw new KuasarError(
    "RESOURCE_EXHAUSTED",
    `Cannot send a message of ${what}: it has ${bytes} bytes and ${MAX_BODY_BYTES} are allowed`,
  );
}

function withPayload(head: BinaryWriter, tag: number, payload: Uint8Array, what: string): Parts {
  if (payload.length > 0) head.uint32(tag).uint32(payload.length);
  const first = head.finish();
  checkSize(first.length + payload.length, what);
  return [first, payload];
}
