/** Somebody who outlives this server and holds descriptors for the next one. */
export interface DescriptorKeeper {
  /** Has a copy of `fd` kept under `key`, a word of printable characters; one that was there is closed. */
  keep(key: string, fd: number): void;
  /** What an earlier server has left, owned by the caller and still kept; -1 where there is nothing. */
  take(key: string): number;
  /** Has the copy closed. Harmless where there is none. */
  drop(key: string): void;
}
