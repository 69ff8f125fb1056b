/**
 * Runs `work` while holding an exclusive lock on `path`, so that two builds in one checkout take turns.
 * The kernel frees the lock when the process dies.
 */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const file = await Deno.open(path, { create: true, write: true });
  try {
    await file.lock(true);
    return await work();
  } finally {
    file.close();
  }
}
