import { formatDuration, KuasarError } from "../errors/mod.ts";

/** What can be thrown away when it comes too late. */
interface Closable {
  close(): void;
}

/**
 * Waits for a connection; one that is made after the time is closed at once.
 *
 * @throws DEADLINE_EXCEEDED after `timeoutMs`
 */
export async function connectWithin<T extends Closable>(
  connecting: Promise<T>,
  what: string,
  timeoutMs: number,
): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(
      new KuasarError("DEADLINE_EXCEEDED", `Cannot connect to ${what} within ${formatDuration(timeoutMs)}`),
    );
    connecting.then((connection) => connection.close(), () => {});
  }, timeoutMs);
  try {
    return await Promise.race([connecting, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
