/** A refusal as the API tells it: a status and the chain of errors, outermost first. */
export class ApiError extends Error {
  readonly status: number;
  readonly chain: readonly string[];

  constructor(status: number, ...chain: string[]) {
    super(chain.join(": "));
    this.status = status;
    this.chain = chain;
  }
}

/**
 * What the real program accepts in silence and a driver must never send: a field that it would drop. It is answered
 * with 400, so that the test that sent it fails with these words.
 */
export function strictness(message: string): ApiError {
  return new ApiError(400, `Stand-in: ${message}`);
}
