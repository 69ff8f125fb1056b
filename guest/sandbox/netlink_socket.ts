import { KuasarError } from "../../lib/errors/mod.ts";
import {
  decodeMessages,
  encodeMessage,
  type Netlink,
  type NetlinkMessage,
  type NetlinkRequest,
  NLM,
  NLMSG,
} from "../../lib/netlink/mod.ts";
import * as sys from "../native/sys.js";

const NETLINK_ROUTE = 0;
/** The kernel answers in parts of at most 32 KiB. */
const PART_BYTES = 64 << 10;
/** A list that changes while it is read is read again, this often. */
const DUMP_ATTEMPTS = 5;

/** What the kernel refused; callers branch on `errno`. */
export class NetlinkError extends KuasarError {
  readonly errno: number;
  constructor(action: string, errno: number) {
    super("INTERNAL", `Cannot ${action}: ${sys.strerror(errno)}`);
    this.errno = errno;
  }
}

/** A synchronous rtnetlink socket: the kernel has the answer ready when `send` returns. */
export class NetlinkSocket implements Netlink {
  readonly #fd: number;
  #sequence = 0;

  constructor() {
    this.#fd = sys.socket(sys.AF.NETLINK, sys.SOCK.RAW, NETLINK_ROUTE);
    sys.bindNetlink(this.#fd);
  }

  execute(request: NetlinkRequest): void {
    this.#send(request, NLM.ACK);
    for (;;) {
      for (const message of this.#receive(request.action)) {
        if (message.type === NLMSG.ERROR) return throwIfFailed(message, request.action);
      }
    }
  }

  dump(request: NetlinkRequest): Uint8Array[] {
    for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
      const entries = this.#dumpOnce(request);
      if (entries) return entries;
    }
    throw new KuasarError("ABORTED", `Cannot ${request.action}: the list changes all the time`);
  }

  close(): void {
    sys.close(this.#fd);
  }

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
        entries.push(message.payload);
      }
    }
  }

  #send({ type, flags, payload }: NetlinkRequest, more: number): void {
    this.#sequence = (this.#sequence + 1) >>> 0;
    const sequence = this.#sequence;
    sys.send(this.#fd, encodeMessage({ type, flags: flags | more | NLM.REQUEST, sequence, payload }));
  }

  #receive(action: string): NetlinkMessage[] {
    const bytes = sys.recv(this.#fd, PART_BYTES);
    if (!bytes) throw new KuasarError("INTERNAL", `Cannot ${action}: the kernel gave no answer`);
    return decodeMessages(bytes).filter(({ sequence }) => sequence === this.#sequence);
  }
}

/** ERROR and DONE begin with a negative errno, or 0. */
function throwIfFailed({ payload }: NetlinkMessage, action: string): void {
  if (payload.length < 4) return;
  const errno = -new DataView(payload.buffer, payload.byteOffset).getInt32(0, true);
  if (errno !== 0) throw new NetlinkError(action, errno);
}

/** Runs `work` with a socket of its own. */
export function withNetlink<T>(work: (netlink: Netlink) => T): T {
  const socket = new NetlinkSocket();
  try {
    return work(socket);
  } finally {
    socket.close();
  }
}
