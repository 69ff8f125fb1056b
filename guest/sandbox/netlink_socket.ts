import { KuasarError } from "../../lib/errors/mod.ts";
import { type Acknowledgement, type Netlink, NetlinkExchange } from "../../lib/netlink/mod.ts";
import * as sys from "../native/sys.js";

const NETLINK_ROUTE = 0;
/** The kernel answers in parts of at most 32 KiB. */
const PART_BYTES = 64 << 10;

/** What the kernel refused; callers branch on `errno`. */
export class NetlinkError extends KuasarError {
  readonly errno: number;
  constructor(action: string, errno: number) {
    super("INTERNAL", `Cannot ${action}: ${sys.strerror(errno)}`);
    this.errno = errno;
  }
}

/** A synchronous rtnetlink socket. */
class NetlinkSocket extends NetlinkExchange {
  readonly #fd: number;

  constructor() {
    super();
    this.#fd = sys.socket(sys.AF.NETLINK, sys.SOCK.RAW, NETLINK_ROUTE);
    sys.bindNetlink(this.#fd);
  }

  close(): void {
    sys.close(this.#fd);
  }

  protected override send(bytes: Uint8Array<ArrayBuffer>): void {
    sys.send(this.#fd, bytes);
  }

  protected override receive(action: string): Uint8Array {
    const bytes = sys.recv(this.#fd, PART_BYTES);
    if (!bytes) throw new KuasarError("INTERNAL", `Cannot ${action}: the kernel gave no answer`);
    return bytes;
  }

  protected override refusal({ errno }: Acknowledgement, action: string): Error {
    return new NetlinkError(action, errno);
  }
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
