/** The stable codes of every error of ours: gRPC's canonical status names, which containerd understands. */
export const CODES = {
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

/** A stable error code; callers branch on it and never on the message. */
export type ErrorCode = keyof typeof CODES;

/** What an error may carry besides its message. */
export interface ErrorDetails {
  /** The error that led to this one. */
  cause?: unknown;
  /** Lines that help to find the reason: the end of a console, of stderr, the step that failed. */
  evidence?: readonly string[];
}

/** At most this many lines of evidence are kept, so that an error stays small on the wire. */
const MAX_EVIDENCE_LINES = 40;

/**
 * The one error type of the project.
 *
 * The message says what could not be done and why ("Cannot X: reason"); `evidence` holds raw lines from
 * the world outside. It is carried over gRPC and ttrpc by `status.ts`.
 */
export class KuasarError extends Error {
  override readonly name = "KuasarError";
  readonly code: ErrorCode;
  readonly evidence: readonly string[];

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.evidence = (details.evidence ?? []).slice(-MAX_EVIDENCE_LINES);
  }
}

/**
 * Returns `error` as a `KuasarError`: itself where it is one, else one with code INTERNAL around it.
 *
 * @param error anything that was thrown
 * @param context put before the message of an error that is not ours ("Cannot start the VM")
 */
export function asKuasarError(error: unknown, context?: string): KuasarError {
  if (error instanceof KuasarError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new KuasarError("INTERNAL", context ? `${context}: ${reason}` : reason, { cause: error });
}
