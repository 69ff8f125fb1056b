import { KuasarError } from "../lib/errors/mod.ts";

/** More at the same time are not meant on one host. */
const MOST = 10;

/** A directory that nobody else has claimed as long as this process lives. */
export interface ClaimedDir {
  path: string;
  /** Leaves it to others. The directory itself is the caller's to remove, before. */
  release(): void;
}

/**
 * Claims the first free one of `<base>`, `<base>1`, `<base>2` ..., and makes it. What an earlier owner that was killed has left
 * in it is still there: the kernel frees the claim, which is a lock on the directory itself, and nothing else.
 *
 * @throws KuasarError RESOURCE_EXHAUSTED where all are claimed
 */
export function claimDir(base: string): ClaimedDir {
  for (let count = 0; count < MOST; count++) {
    const path = `${base}${count || ""}`;
    const directory = lockedDir(path);
    if (directory) return { path, release: () => directory.close() };
  }
  throw new KuasarError("RESOURCE_EXHAUSTED", `Cannot use ${base} nor ${MOST - 1} more: others run there`);
}

function lockedDir(path: string): Deno.FsFile | undefined {
  while (true) {
    Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
    const directory = Deno.openSync(path);
    if (!directory.tryLockSync(true)) {
      directory.close();
      return undefined;
    }
    // Its owner may have removed it between the two: then this lock is on a directory that nobody finds.
    if (inodeOf(path) === directory.statSync().ino) return directory;
    directory.close();
  }
}

function inodeOf(path: string): number | null | undefined {
  try {
    return Deno.statSync(path).ino;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
