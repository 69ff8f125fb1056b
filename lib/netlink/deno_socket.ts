import { KuasarError } from "../errors/mod.ts";
import {
  AF,
  type Bytes,
  check,
  closeFd,
  Errno,
  libc,
  openSocket,
  receiveBytes,
  sendBytes,
  setReceiveTimeout,
  SOCK,
  withNetns,
} from "../libc/mod.ts";
import type { Acknowledgement } from "./acknowledgement.ts";
import { NetlinkExchange } from "./exchange.ts";

const NETLINK_ROUTE = 0;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const MSG_TRUNC = 0x20;
/** The kernel never sends more than 32 KiB at once to a reader with a buffer of this size. */
const BUFFER_BYTES = 64 * 1024;
/** The kernel answers inside of sendmsg; an answer that is not there is a bug, not slowness. */
const RECEIVE_TIMEOUT_MS = 2000;

/**
 * A synchronous rtnetlink socket in one network namespace. It stays in the namespace in which it was opened, so
 * that only the opening happens inside of it. What the kernel refuses is thrown as an {@link Errno}, with the kernel's
 * explanation.
 *
 * @example
 * ```ts ignore
 * using netlink = new NetlinkSocket({ netns: "/var/run/netns/cni-1" });
 * const links = listLinks(netlink);
 * ```
 */
export class NetlinkSocket extends NetlinkExchange implements Disposable {
  readonly #fd: number;
  readonly #buffer: Bytes = new Uint8Array(BUFFER_BYTES);
  #open = true;

  /**
   * @param options.netns path of the namespace; the own one when left out
   * @throws {Errno} ENOENT when the namespace is gone
   */
  constructor({ netns }: { netns?: string } = {}) {
    super();
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

  /** Closes the socket. Idempotent. */
  close(): void {
    if (this.#open) closeFd(this.#fd);
    this.#open = false;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  protected override send(bytes: Uint8Array<ArrayBuffer>): void {
    sendBytes(this.#fd, bytes);
  }

  protected override receive(action: string): Uint8Array {
    const length = receiveBytes(this.#fd, this.#buffer, MSG_TRUNC);
    if (length > this.#buffer.length) {
      throw new KuasarError("DATA_LOSS", `Cannot ${action}: the kernel sent ${length} bytes at once`);
    }
    return this.#buffer.subarray(0, length);
  }

  protected override refusal({ errno, explanation }: Acknowledgement, action: string): Errno {
    return new Errno(errno, explanation === undefined ? action : `${action} (${explanation})`);
  }

  #setOption(option: number): void {
    const one = new Uint8Array(new Uint32Array([1]).buffer);
    check(libc().setsockopt(this.#fd, SOL_NETLINK, option, one, one.length), "set up a netlink socket");
  }
}
