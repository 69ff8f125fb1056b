import { HOST_CID, isSame, SECRET_LINE_BYTES, secretLine } from "../../lib/vsock/mod.ts";
import * as sys from "../native/sys.js";
import { type Accepted, serveListener } from "../runtime/listener.ts";
import { SeldomLog } from "../runtime/seldom_log.ts";

/** How long a peer may take to say the secret. The host sends it with the connection; it may be busy, and so may this guest. */
const SECRET_TIMEOUT_MS = 10_000;
/** Peers that have not said it yet. One more, and the oldest goes: the host is never the one that keeps silent. */
const MAX_STRANGERS = 32;

/** A peer that has not shown yet that it is the host. */
interface Stranger {
  readonly fd: number;
  readonly seen: Uint8Array;
  length: number;
  readonly timer: ReturnType<typeof setTimeout>;
  readonly admit: (fd: number) => void;
}

/**
 * Who may speak to the agent: its host and nobody else. A connection from this machine, container or not, has another CID and is
 * closed at once.
 *
 * On the kernel's vsock every program of the host has the host's CID, whoever runs it. There a connection begins with the line
 * that the driver has told this guest, see {@link expect}; without it the peer is closed too.
 */
export class HostGate {
  readonly #secretWanted: boolean;
  #line: Uint8Array | undefined;
  readonly #strangers = new Set<Stranger>();
  readonly #log = new SeldomLog();
  #refused = 0;

  /** @param secretWanted nobody is let in before {@link expect}, and without the secret */
  constructor(secretWanted: boolean) {
    this.#secretWanted = secretWanted;
  }

  /** Peers that were closed since the boot. */
  get refused(): number {
    return this.#refused;
  }

  /** Serves a vsock port for the host. */
  serve(port: number, admit: (fd: number) => void): void {
    serveListener(sys.listenVsock(port), (peer) => this.take(peer, admit));
  }

  /** Takes a connection, which is owned from here on. @param admit gets it where it is the host's, with all that it has sent so far unread */
  take({ fd, cid }: Pick<Accepted, "fd" | "cid">, admit: (fd: number) => void): void {
    if (cid !== HOST_CID) return this.#refuse(fd, `it is CID ${cid}`);
    if (!this.#secretWanted) return admit(fd);
    const [oldest] = this.#strangers;
    if (oldest && this.#strangers.size >= MAX_STRANGERS) this.#end(oldest, "there are newer ones");
    const timer = setTimeout(() => this.#end(stranger, "it says nothing"), SECRET_TIMEOUT_MS);
    const stranger: Stranger = { fd, seen: new Uint8Array(SECRET_LINE_BYTES), length: 0, timer, admit };
    this.#strangers.add(stranger);
    sys.watch(fd, sys.EPOLL.IN, () => this.#hear(stranger));
  }

  /** From now on whoever says `secret` is the host; who said it before is let in. */
  expect(secret: string): void {
    this.#line = sys.utf8Encode(secretLine(secret));
    for (const stranger of [...this.#strangers]) this.#judge(stranger);
  }

  #hear(stranger: Stranger): void {
    const { fd, seen } = stranger;
    try {
      while (stranger.length < seen.length) {
        const count = sys.read(fd, seen, stranger.length, seen.length - stranger.length);
        if (count < 0) return;
        if (count === 0) return this.#end(stranger, "it ended");
        stranger.length += count;
      }
    } catch (error) {
      return this.#end(stranger, String(error));
    }
    sys.unwatch(fd);
    this.#judge(stranger);
  }

  #judge(stranger: Stranger): void {
    if (!this.#line || stranger.length < stranger.seen.length) return;
    if (!isSame(stranger.seen, this.#line)) return this.#end(stranger, "it does not know the secret");
    this.#forget(stranger);
    stranger.admit(stranger.fd);
  }

  #end(stranger: Stranger, why: string): void {
    this.#forget(stranger);
    this.#refuse(stranger.fd, why);
  }

  #forget(stranger: Stranger): void {
    clearTimeout(stranger.timer);
    sys.unwatch(stranger.fd);
    this.#strangers.delete(stranger);
  }

  #refuse(fd: number, why: string): void {
    sys.close(fd);
    this.#refused += 1;
    this.#log.warn("a peer that is not the host was closed", { why, all: this.#refused });
  }
}
