/** When a target has been tried enough: whichever comes first. */
export interface Until {
  runs?: number;
  ms?: number;
}

/** What became of a target. */
export interface Outcome {
  runs: number;
  ms: number;
  fault?: {
    /** As small as it could be made. */
    input: Uint8Array;
    /** What the parser did. */
    what: string;
  };
}
