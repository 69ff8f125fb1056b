import { formatDuration, KuasarError } from "../../lib/errors/mod.ts";
import { waitForFile } from "./wait_for_file.ts";

/** The kernel tells when a socket is bound, not when somebody listens at it, which is a moment later. */
const REFUSED_PAUSE_MS = 2;

/**
 * Connects to a unix socket that another process is about to make.
 *
 * @param connect how; a plain connection unless given
 * @throws {KuasarError} DEADLINE_EXCEEDED, CANCELLED when `signal` is aborted
 */
export async function connectWhenListening<T = Deno.UnixConn>(
  path: string,
  timeoutMs: number,
  signal?: AbortSignal,
  connect = ((path) => Deno.connect({ transport: "unix", path })) as (path: string) => Promise<T>,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  await waitForFile(path, timeoutMs, signal);
  for (;;) {
    try {
      return await connect(path);
    } catch (error) {
      if (!["ECONNREFUSED", "ENOENT"].includes(String((error as { code?: unknown }).code))) throw error;
      if (signal?.aborted) {
        throw new KuasarError("CANCELLED", `Cannot connect to ${path}: the attempt was ended`, {
          cause: error,
        });
      }
      if (performance.now() > deadline) {
        throw new KuasarError(
          "DEADLINE_EXCEEDED",
          `Cannot connect to ${path}: nobody listens after ${formatDuration(timeoutMs)}`,
          { cause: error },
        );
      }
    }
    await new Promise((resolve) => setTimeout(resolve, REFUSED_PAUSE_MS));
  }
}
