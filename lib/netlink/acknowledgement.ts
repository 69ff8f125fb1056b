import { decodeAttributes, textIn } from "./attributes.ts";
import { type NetlinkMessage, NLM } from "./message.ts";

/** The kernel's answer to a request. */
export interface Acknowledgement {
  /** 0 for success, else a positive error number. */
  errno: number;
  /** The kernel's own explanation (extended acknowledgement), when it gives one. */
  explanation: string | undefined;
}

const NLMSGERR_ATTR_MSG = 1;

/** Reads a message of type ERROR, or the DONE at the end of a list, which may carry an error too. */
export function decodeAcknowledgement({ flags, payload }: NetlinkMessage): Acknowledgement {
  if (payload.length < 4) return { errno: 0, explanation: undefined };
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const errno = -view.getInt32(0, true);
  if (!(flags & NLM.ACK_TLVS) || payload.length < 8) return { errno, explanation: undefined };
  // What follows the error number is the request's header, with the whole request unless the answer is capped.
  const requestLength = flags & NLM.CAPPED ? 16 : view.getUint32(4, true);
  const attributes = decodeAttributes(payload.subarray(Math.min(payload.length, 4 + requestLength)));
  return { errno, explanation: textIn(attributes.get(NLMSGERR_ATTR_MSG)) };
}
