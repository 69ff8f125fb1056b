import { KuasarError } from "../../lib/errors/mod.ts";

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
 */
export async function waitForSocket(path: string, timeoutMs: number): Promise<void> {
  const watcher = Deno.watchFs(path.slice(0, path.lastIndexOf("/")), { recursive: false });
  const timer = setTimeout(() => watcher.close(), timeoutMs);
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
      for await (const event of watcher) if (event.paths.includes(path)) await look();
    })();
    await Promise.race([promise, ended]);
    if (!await connects(path)) {
      throw new KuasarError(
        "DEADLINE_EXCEEDED",
        `Cannot reach ${path}: nobody listens there after ${timeoutMs} ms`,
      );
    }
  } finally {
    clearTimeout(again.timer);
    clearTimeout(timer);
    try {
      watcher.close();
    } catch {
      // closed by the timer already
    }
  }
}
