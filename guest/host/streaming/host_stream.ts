import * as sys from "../../native/sys.js";
import type { DescriptorKeeper } from "../descriptor_keeper.ts";
import type { Carrying } from "./carrying.ts";
import { isInput } from "./stream_name.ts";

/**
 * One stream: a FIFO, from which on a process's stdio is as with containerd's own FIFOs, and our end of it. That stays open while
 * containerd is away, so that what a process has written last is not lost with its own end.
 */
export class HostStream {
  readonly name: string;
  readonly #path: string;
  readonly #keeper: DescriptorKeeper | undefined;
  /** Open for both directions where it is an input: so it opens before the process has. */
  readonly fd: number;
  /** A process is known to which it belongs. */
  claimed = false;
  /** The process has opened its end. */
  #joined = false;
  #inputEnded = false;
  #closed = false;
  #carrying: Carrying | undefined;
  readonly #onClose: (() => void)[] = [];

  /** Takes over the FIFO of an earlier run where there is one, and our end of it from the keeper. */
  constructor(directory: string, name: string, keeper?: DescriptorKeeper) {
    this.name = name;
    this.#path = `${directory}/${name}`;
    this.#keeper = keeper;
    if (!sys.exists(this.#path)) sys.mknod(this.#path, sys.S.IFIFO | 0o600);
    const left = keeper?.take(this.#key) ?? -1;
    if (left >= 0) {
      this.fd = left;
      return;
    }
    this.fd = sys.open(this.#path, (isInput(name) ? sys.O.RDWR : sys.O.RDONLY) | sys.O.NONBLOCK);
    keeper?.keep(this.#key, this.fd);
  }

  get #key(): string {
    return `streaming/${this.name}`;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Somebody carries its bytes. */
  get carried(): boolean {
    return this.#carrying !== undefined;
  }

  /**
   * Notes who carries its bytes; who did so before is ended: containerd has come back.
   *
   * @param before with it, only this one is let go of
   */
  carriedBy(carrying: Carrying | undefined, before?: Carrying): void {
    if (before && this.#carrying !== before) return;
    const last = this.#carrying;
    this.#carrying = carrying;
    if (this.#closed) return carrying?.end();
    sys.unwatch(this.fd);
    last?.end();
  }

  /** Calls back at the next event. */
  watch(events: number, callback: () => void): void {
    sys.watch(this.fd, events, () => {
      sys.unwatch(this.fd);
      callback();
    });
  }

  /** The process has opened its end. */
  joined(): void {
    this.#joined = true;
    this.#closeEndedInput();
  }

  /** Nothing more comes: the process gets its end of file once it has read what there is. */
  endInput(): void {
    this.#inputEnded = true;
    this.#closeEndedInput();
  }

  /** Calls back when it is closed. */
  onClose(callback: () => void): void {
    this.#onClose.push(callback);
  }

  /** Ends it for both sides. Harmless when repeated. */
  close(): void {
    this.#closeEnd();
    for (const callback of this.#onClose.splice(0)) callback();
    if (sys.exists(this.#path)) sys.unlink(this.#path);
  }

  /** Before the process has opened its end, the bytes in the FIFO would go with ours. */
  #closeEndedInput(): void {
    if (this.#inputEnded && this.#joined) this.#closeEnd();
  }

  #closeEnd(): void {
    if (this.#closed) return;
    this.#closed = true;
    sys.unwatch(this.fd);
    sys.close(this.fd);
    this.#keeper?.drop(this.#key);
    this.#carrying?.end();
  }
}
