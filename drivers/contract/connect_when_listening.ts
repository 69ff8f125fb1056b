import { KuasarError } from "../../lib/errors/mod.ts";
import { waitForFile } from "./wait_for_file.ts";

/** The kernel tells when a socket is bound, not when somebody listens at it, which is a moment later. */
const REFUSED_PAUSE_MS = 2;

/**
 * Connects to a unix socket that another process is about to make.
 *
 * @throws {KuasarError} DEADLINE_EXCEEDED, CANCELLED when `signal` is aborted
 */
export async function connectWhenListening(
  path: string,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Deno.UnixConn> {
  const deadline = performance.now() + timeoutMs;
  await waitForFile(path, timeoutMs, signal);
  for (;;) {
    try {
      return await Deno.connect({ transport: "unix", path });
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused || error instanceof Deno.errors.NotFound)) {
        throw error;
      }
      if (signal?.aborted) {
        throw new KuasarError("CANCELLED", `Cannot connect to ${path}: the attempt was ended`, {
          cause: error,
        });
      }
      if (performance.now() > deadline) {
        throw new KuasarError(
          "DEADLINE_EXCEEDED",
          `Cannot connect to ${path}: nobody listens after ${timeoutMs} ms`,
          { cause: error },
        );
      }
    }
    await new Promise((resolve) => setTimeout(resolve, REFUSED_PAUSE_MS));
  }
}
