/** What a runtime gives as a reason where the container or the process is not there, or not any more. */
const GONE =
  /does not exist|container "[^"]*" not found|not running|process already finished|no such process|in state stopped/i;

/** What callers branch on; containerd looks for these cases only. */
export function codeOf(reason: string): "NOT_FOUND" | "INTERNAL" {
  return GONE.test(reason) ? "NOT_FOUND" : "INTERNAL";
}
