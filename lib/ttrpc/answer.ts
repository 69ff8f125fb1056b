import { fromStatus, KuasarError } from "../errors/mod.ts";
import { Response } from "../proto/gen/ttrpc/ttrpc.ts";
import type { MethodDefinition } from "./definition.ts";
import { type Frame, FRAME_TYPE } from "./frame.ts";

/**
 * Opens the envelope of an answer and returns the payload in it.
 *
 * @throws the status in the answer; RESOURCE_EXHAUSTED for one over the limit, INTERNAL for a malformed one
 */
export function decodeResponse(frame: Frame, method: string): Uint8Array {
  if (frame.oversizedBytes !== undefined) {
    throw new KuasarError(
      "RESOURCE_EXHAUSTED",
      `Cannot take the answer of ${method}: it has ${frame.oversizedBytes} bytes, more than are allowed`,
    );
  }
  if (frame.type !== FRAME_TYPE.response) {
    throw new KuasarError("INTERNAL", `Cannot take the answer of ${method}: its frame type is ${frame.type}`);
  }
  const response = decoding(method, () => Response.decode(frame.body));
  // A status may be absent; code 0 is OK.
  if (response.status && response.status.code !== 0) throw fromStatus(response.status);
  return response.payload;
}

/** Decodes a message of the server. @throws INTERNAL when the payload is not such a message */
export function decodeMessage(method: MethodDefinition, payload: Uint8Array): unknown {
  return decoding(method.name, () => method.responseType.decode(payload));
}

function decoding<T>(method: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    throw new KuasarError("INTERNAL", `Cannot decode the answer of ${method}: ${String(error)}`, {
      cause: error,
    });
  }
}
