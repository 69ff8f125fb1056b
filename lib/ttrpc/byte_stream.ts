/**
 * A duplex stream of bytes: what ttrpc needs of a connection, whoever made it (Deno, Node, QuickJS).
 *
 * `read` hands over memory that nobody writes to again, so that frames can point into it without a copy.
 */
export interface ByteStream {
  /** The next bytes, at least one, or null at the end of the stream. Called by one reader at a time. */
  read(): Promise<Uint8Array | null>;
  /** Resolves when all of `bytes` is handed to the transport. Called by one writer at a time. */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends both directions; a pending `read` ends with null or an error. May be repeated. */
  close(): void;
}
