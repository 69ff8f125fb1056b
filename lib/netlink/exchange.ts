import { KuasarError } from "../errors/mod.ts";
import { type Acknowledgement, decodeAcknowledgement } from "./acknowledgement.ts";
import {
  decodeMessages,
  encodeMessage,
  type Netlink,
  type NetlinkMessage,
  type NetlinkRequest,
  NLM,
  NLMSG,
} from "./message.ts";

/** A list that changes while it is read is read again, this often. */
const DUMP_ATTEMPTS = 5;

/** Requests and their answers over a synchronous socket: the kernel has the answer ready when it has taken the request. */
export abstract class NetlinkExchange implements Netlink {
  #sequence = 0;

  /** Sends a datagram. */
  protected abstract send(bytes: Uint8Array<ArrayBuffer>): void;
  /** The next datagram; the one after it may overwrite it. @param action for messages */
  protected abstract receive(action: string): Uint8Array;
  /** What is thrown where the kernel refuses. */
  protected abstract refusal(answer: Acknowledgement, action: string): Error;

  /** @throws what the kernel answers */
  execute(request: NetlinkRequest): void {
    this.#send(request, NLM.ACK);
    for (;;) {
      for (const message of this.#answers(request.action)) {
        if (message.type === NLMSG.ERROR) return this.#throwIfRefused(message, request.action);
      }
    }
  }

  /** @throws what the kernel answers; KuasarError ABORTED for a list that changes all the time */
  dump(request: NetlinkRequest): Uint8Array[] {
    for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
      const entries = this.#dumpOnce(request);
      if (entries !== undefined) return entries;
    }
    throw new KuasarError(
      "ABORTED",
      `Cannot ${request.action}: the list changed ${DUMP_ATTEMPTS} times while it was read`,
    );
  }

  /** undefined when the list changed on the way. */
  #dumpOnce(request: NetlinkRequest): Uint8Array[] | undefined {
    const entries: Uint8Array[] = [];
    let interrupted = false;
    this.#send(request, 0);
    for (;;) {
      for (const message of this.#answers(request.action)) {
        interrupted ||= (message.flags & NLM.DUMP_INTERRUPTED) !== 0;
        if (message.type === NLMSG.DONE || message.type === NLMSG.ERROR) {
          this.#throwIfRefused(message, request.action);
          return interrupted ? undefined : entries;
        }
        // Copied: the buffer is used again for the next part.
        entries.push(message.payload.slice());
      }
    }
  }

  #send({ type, flags, payload }: NetlinkRequest, more: number): void {
    this.#sequence = (this.#sequence + 1) >>> 0;
    this.send(encodeMessage({ type, flags: flags | more | NLM.REQUEST, sequence: this.#sequence, payload }));
  }

  /** The next messages that answer the last request. */
  #answers(action: string): NetlinkMessage[] {
    return decodeMessages(this.receive(action)).filter(({ sequence }) => sequence === this.#sequence);
  }

  #throwIfRefused(message: NetlinkMessage, action: string): void {
    const answer = decodeAcknowledgement(message);
    if (answer.errno !== 0) throw this.refusal(answer, action);
  }
}
