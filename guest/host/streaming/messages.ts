import { KuasarError } from "../../../lib/errors/mod.ts";
import { StreamInit } from "../../../lib/proto/gen/containerd/services/streaming/v1/streaming.ts";
import { Data, WindowUpdate } from "../../../lib/proto/gen/containerd/types/transfer/streaming.ts";
import type { Any } from "../../../lib/proto/gen/google/protobuf/any.ts";

const INIT = "containerd.services.streaming.v1.StreamInit";
const DATA = "containerd.types.transfer.Data";
const WINDOW_UPDATE = "containerd.types.transfer.WindowUpdate";
const EMPTY = "google.protobuf.Empty";
/** Our own, for the next process of ours: a stream that has been acknowledged. */
const RESUMED = "kuasar.streaming.Resumed";

/** The beginning of a stream. */
export interface Opening {
  name: string;
  /** It has begun with an earlier process. */
  resumed: boolean;
}

/** Type names may stand behind a slash. */
function nameOf({ typeUrl }: Any): string {
  return typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
}

/** What a stream's first message asks for. @throws KuasarError INVALID_ARGUMENT */
export function openingOf(message: Any | undefined): Opening {
  const type = message ? nameOf(message) : "nothing";
  if (message && (type === INIT || type === RESUMED)) {
    return { name: StreamInit.decode(message.value).id, resumed: type === RESUMED };
  }
  throw new KuasarError("INVALID_ARGUMENT", `Cannot open a stream: ${INIT} comes first, not ${type}`);
}

/** The first message for the process that goes on with a stream. */
export function resumedMessage(name: string): Any {
  return { typeUrl: RESUMED, value: StreamInit.encode({ id: name }).finish() };
}

/** Tells that a stream is open. */
export const OPENED: Any = { typeUrl: EMPTY, value: new Uint8Array(0) };

/** The bytes in a message; undefined where it is something else. */
export function bytesIn(message: Any): Uint8Array | undefined {
  return nameOf(message) === DATA ? Data.decode(message.value).data : undefined;
}

/** How many more bytes the peer will take; 0 where the message is something else. */
export function grantIn(message: Any): number {
  return nameOf(message) === WINDOW_UPDATE ? Math.max(0, WindowUpdate.decode(message.value).update) : 0;
}

export function dataMessage(data: Uint8Array): Any {
  return { typeUrl: DATA, value: Data.encode({ data }).finish() };
}

export function grantMessage(update: number): Any {
  return { typeUrl: WINDOW_UPDATE, value: WindowUpdate.encode({ update }).finish() };
}
