import { formatDuration, KuasarError } from "../../lib/errors/mod.ts";
import { exists, watchPath } from "../../lib/files/mod.ts";

/**
 * How long what was started may take until it answers: a host that has just booted, or compiles something, takes minutes. One that
 * does not even start is noticed by its deaths ({@link Supervisor.failing}).
 */
export const READY_TIMEOUT_MS = 600_000;

/** True where somebody accepts (or will accept: it listens) on the unix socket `path`. */
async function connects(path: string): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return true;
  } catch {
    return false;
  }
}

/**
 * Waits until somebody listens on the unix socket `path`, whose folder must exist.
 *
 * A socket that is bound but does not listen yet gives no further event, so each wake-up is followed by one
 * more look a little later.
 *
 * @throws KuasarError DEADLINE_EXCEEDED
 * @throws the reason of `signal`
 */
export async function waitForSocket(path: string, timeoutMs: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const watcher = watchPath(path.slice(0, path.lastIndexOf("/")));
  const close = () => watcher.close();
  const timer = setTimeout(close, timeoutMs);
  signal?.addEventListener("abort", close, { once: true });
  const again: { timer?: ReturnType<typeof setTimeout> } = {};
  try {
    if (await connects(path)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = async () => {
      if (await connects(path)) return resolve();
      clearTimeout(again.timer);
      again.timer = setTimeout(look, 20);
    };
    const ended = (async () => {
      for await (const _ of watcher) if (exists(path)) await look();
    })();
    await Promise.race([promise, ended]);
    signal?.throwIfAborted();
    if (!await connects(path)) {
      throw new KuasarError(
        "DEADLINE_EXCEEDED",
        `Cannot reach ${path}: nobody listens there after ${formatDuration(timeoutMs)}`,
      );
    }
  } finally {
    clearTimeout(again.timer);
    clearTimeout(timer);
    signal?.removeEventListener("abort", close);
    close();
  }
}
