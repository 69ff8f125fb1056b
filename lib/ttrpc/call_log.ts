/** Takes down the calls of one connection, so that a later process can go on with it. */
export interface CallLog {
  /**
   * A call has come; `body` is its encoded `Request`. Called before anything is done for it, and for a stream once more with
   * every message that is to be remembered, which is then its payload.
   */
  begin(streamId: number, body: Uint8Array): void;
  /** Its answer has been handed to the transport. */
  end(streamId: number): void;
}

/** Where an earlier process has left a connection, as its {@link CallLog} tells. */
export interface ConnectionState {
  /** Requests up to this stream id have been taken; where they come again they are passed over. */
  lastStreamId: number;
  /** Calls that have no answer yet, in the order in which they came. */
  open: readonly { streamId: number; body: Uint8Array }[];
}

/** How a connection is served by a process that may be followed by another one. */
export interface LastingConnection {
  log: CallLog;
  /** Undefined for a new connection. */
  state?: ConnectionState | undefined;
  /** Whether a call may be carried out again; the others are answered with UNAVAILABLE. */
  repeats(service: string, method: string): boolean;
}
