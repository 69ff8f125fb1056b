/** A frame under way that holds bytes of a {@link FrameBudget}. */
export interface FrameHolder {
  /** Gives the frame, and the connection that it comes on, up. */
  giveUp(): void;
}

/**
 * The memory that frames under way may take, over all connections that share it.
 *
 * Where it is not enough, whoever has been under way the longest goes: a peer that leaves its frames unfinished is always older than
 * one that is just sending.
 */
export class FrameBudget {
  readonly #limitBytes: number;
  #usedBytes = 0;
  /** The oldest first. */
  readonly #holders = new Map<FrameHolder, number>();

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Takes more bytes for a frame. Never refuses: a single frame is bounded otherwise. */
  take(holder: FrameHolder, bytes: number): void {
    this.#holders.set(holder, (this.#holders.get(holder) ?? 0) + bytes);
    this.#usedBytes += bytes;
    for (const oldest of this.#holders.keys()) {
      if (this.#usedBytes <= this.#limitBytes) return;
      if (oldest === holder) continue;
      this.release(oldest);
      oldest.giveUp();
    }
  }

  /** Gives back all bytes of a frame. May be repeated. */
  release(holder: FrameHolder): void {
    this.#usedBytes -= this.#holders.get(holder) ?? 0;
    this.#holders.delete(holder);
  }
}
