import { formatDuration, KuasarError } from "../../lib/errors/mod.ts";
import { exists, watchPath } from "../../lib/files/mod.ts";

/**
 * Waits until `path` exists, by the kernel's notification. Its directory must be there.
 *
 * @throws {KuasarError} DEADLINE_EXCEEDED, CANCELLED when `signal` is aborted
 */
export async function waitForFile(path: string, timeoutMs: number, signal?: AbortSignal): Promise<void> {
  const watcher = watchPath(path.slice(0, path.lastIndexOf("/")));
  let reason: KuasarError | undefined;
  const give = (error: KuasarError) => {
    reason ??= error;
    watcher.close();
  };
  const cancel = () =>
    give(new KuasarError("CANCELLED", `Cannot wait for ${path} any longer: the wait was ended`));
  const timer = setTimeout(
    () =>
      give(
        new KuasarError(
          "DEADLINE_EXCEEDED",
          `Cannot wait for ${path}: not there after ${formatDuration(timeoutMs)}`,
        ),
      ),
    timeoutMs,
  );
  signal?.addEventListener("abort", cancel, { once: true });
  try {
    if (signal?.aborted) cancel();
    // Looked at once the watch is set, so that nothing falls between.
    if (!reason && exists(path)) return;
    for await (const _ of watcher) {
      if (exists(path)) return;
    }
    throw reason ?? new KuasarError("INTERNAL", `Cannot wait for ${path}: the watch has ended`);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", cancel);
    watcher.close();
  }
}
