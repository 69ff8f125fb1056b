import { KuasarError } from "../errors/mod.ts";
import { AF, type Bytes, check, closeFd, Errno, libc, openSocket, withNetns } from "../libc/mod.ts";
import { receiveBytes, sendBytes, setReceiveTimeout, SOCK } from "../libc/mod.ts";
import { decodeAcknowledgement } from "./acknowledgement.ts";
import {
  decodeMessages,
  encodeMessage,
  type Netlink,
  type NetlinkMessage,
  type NetlinkRequest,
  NLM,
  NLMSG,
} from "./message.ts";

const NETLINK_ROUTE = 0;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const MSG_TRUNC = 0x20;
/** The kernel never sends more than 32 KiB at once to a reader with a buffer of this size. */
const BUFFER_BYTES = 64 * 1024;
/** The kernel answers inside of sendmsg; an answer that is not there is a bug, not slowness. */
const RECEIVE_TIMEOUT_MS = 2000;
/** A list that changes while it is read is read again, this often. */
const DUMP_ATTEMPTS = 5;

/**
 * A synchronous rtnetlink socket in one network namespace. It stays in the namespace in which it was opened, so
 * that only the opening happens inside of it.
 *
 * @example
 * ```ts ignore
 * using netlink = new NetlinkSocket({ netns: "/var/run/netns/cni-1" });
 * const links = listLinks(netlink);
 * ```
 */
export class NetlinkSocket implements Netlink, Disposable {
  readonly #fd: number;
  readonly #buffer: Bytes = new Uint8Array(BUFFER_BYTES);
  #sequence = 0;
  #open = true;

  /**
   * @param options.netns path of the namespace; the own one when left out
   * @throws {Errno} ENOENT when the namespace is gone
   */
  constructor({ netns }: { netns?: string } = {}) {
    const open = () => openSocket(AF.NETLINK, SOCK.RAW, NETLINK_ROUTE);
    this.#fd = netns === undefined ? open() : withNetns(netns, open);
    try {
      setReceiveTimeout(this.#fd, RECEIVE_TIMEOUT_MS);
      this.#setOption(NETLINK_CAP_ACK);
      this.#setOption(NETLINK_EXT_ACK);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** @throws {Errno} what the kernel answers; its explanation is evidence */
  execute(request: NetlinkRequest): void {
    this.#send(request, NLM.ACK);
    for (;;) {
      for (const message of this.#receive(request.action)) {
        if (message.type === NLMSG.ERROR) return throwIfFailed(message, request.action);
      }
    }
  }

  /** @throws {Errno} what the kernel answers */
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

  /** Closes the socket. Idempotent. */
  close(): void {
    if (this.#open) closeFd(this.#fd);
    this.#open = false;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** undefined when the list changed on the way. */
  #dumpOnce(request: NetlinkRequest): Uint8Array[] | undefined {
    const entries: Uint8Array[] = [];
    let interrupted = false;
    this.#send(request, 0);
    for (;;) {
      for (const message of this.#receive(request.action)) {
        interrupted ||= (message.flags & NLM.DUMP_INTERRUPTED) !== 0;
        if (message.type === NLMSG.DONE || message.type === NLMSG.ERROR) {
          throwIfFailed(message, request.action);
          return interrupted ? undefined : entries;
        }
        // Copied: the buffer is used again for the next part.
        entries.push(message.payload.slice());
      }
    }
  }

  #send({ type, flags, payload }: NetlinkRequest, more: number): void {
    this.#sequence = (this.#sequence + 1) >>> 0;
    sendBytes(
      this.#fd,
      encodeMessage({ type, flags: flags | more | NLM.REQUEST, sequence: this.#sequence, payload }),
    );
  }

  /** The next messages that answer the last request. */
  #receive(action: string): NetlinkMessage[] {
    const length = receiveBytes(this.#fd, this.#buffer, MSG_TRUNC);
    if (length > this.#buffer.length) {
      throw new KuasarError("DATA_LOSS", `Cannot ${action}: the kernel sent ${length} bytes at once`);
    }
    return decodeMessages(this.#buffer.subarray(0, length)).filter(({ sequence }) =>
      sequence === this.#sequence
    );
  }

  #setOption(option: number): void {
    const one = new Uint8Array(new Uint32Array([1]).buffer);
    check(libc().setsockopt(this.#fd, SOL_NETLINK, option, one, one.length), "set up a netlink socket");
  }
}

function throwIfFailed(message: NetlinkMessage, action: string): void {
  const { errno, explanation } = decodeAcknowledgement(message);
  if (errno !== 0) throw new Errno(errno, explanation === undefined ? action : `${action} (${explanation})`);
}
