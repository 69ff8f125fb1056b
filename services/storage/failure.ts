import { type CleanupStep, runCleanup } from "../../lib/cleanup/mod.ts";
import { asKuasarError, KuasarError } from "../../lib/errors/mod.ts";

/**
 * Undoes what a failed call has done, and returns the error to throw: the cause's, with what could not be undone
 * as evidence. NOT_FOUND is kept for sandboxes and containers, so a missing file or program becomes
 * FAILED_PRECONDITION.
 */
export async function undoneFailure(
  error: unknown,
  context: string,
  undo: CleanupStep,
): Promise<KuasarError> {
  const left = await runCleanup([undo]);
  const { code, message, evidence } = asKuasarError(error, context);
  return new KuasarError(code === "NOT_FOUND" ? "FAILED_PRECONDITION" : code, message, {
    cause: error,
    evidence: [...evidence, ...left.flatMap(({ error }) => [error.message, ...error.evidence])],
  });
}
