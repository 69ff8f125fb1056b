import { asKuasarError, CODES, type ErrorCode, KuasarError } from "./error.ts";

/** A status as gRPC and ttrpc put it on the wire. */
export interface Status {
  /** gRPC status code, 0 to 16. */
  code: number;
  message: string;
}

const NAMES = new Map<number, ErrorCode>(
  Object.entries(CODES).map(([name, code]) => [code, name as ErrorCode]),
);

const EVIDENCE_MARK = "\n--- evidence ---\n";

/**
 * The one place that turns an error into a wire status, for gRPC and ttrpc alike.
 *
 * Evidence travels behind a mark in the message, so that a client that knows nothing of us
 * (containerd, crictl) still shows it to a person.
 */
export function toStatus(error: unknown): Status {
  const own = asKuasarError(error);
  const evidence = own.evidence.length ? EVIDENCE_MARK + own.evidence.join("\n") : "";
  return { code: CODES[own.code], message: own.message + evidence };
}

/**
 * Turns a wire status other than OK back into an error; an unknown code becomes UNKNOWN.
 *
 * @param status of which a client that is ended in the middle of a call may lack any part, whatever its types say
 */
export function fromStatus({ code: number, message = "no reason given" }: Partial<Status>): KuasarError {
  const code = NAMES.get(number ?? CODES.UNKNOWN) ?? "UNKNOWN";
  const at = message.indexOf(EVIDENCE_MARK);
  if (at < 0) return new KuasarError(code, message);
  const evidence = message.slice(at + EVIDENCE_MARK.length).split("\n");
  return new KuasarError(code, message.slice(0, at), { evidence });
}
