/** Changes of a file or of a directory's entries. Iterate over it, and look at each turn; close it to end that. */
export interface PathWatch extends AsyncIterable<void> {
  /** May be called twice. */
  close(): void;
}

/** How often to look where the kernel does not tell. */
const LOOK_MS = 50;

/** The kernel tells neither code nor name through Deno: EMFILE, errno(3). */
const NO_INSTANCE_LEFT = /\(os error 24\)/;

/**
 * Watches a path by inotify. A user has few instances of it (`fs.inotify.max_user_instances`, 128 unless raised), and a kubelet
 * and others may have taken them all: nothing of ours fails for that, but looks a few times a second instead.
 *
 * @throws Deno.errors.NotFound where the path is not there
 * @see inotify(7)
 */
export function watchPath(path: string): PathWatch {
  try {
    const watcher = Deno.watchFs(path, { recursive: false });
    return {
      async *[Symbol.asyncIterator]() {
        for await (const _ of watcher) yield;
      },
      close: () => {
        try {
          watcher.close();
        } catch {
          // Closed before.
        }
      },
    };
  } catch (error) {
    if (!NO_INSTANCE_LEFT.test((error as Error).message)) throw error;
    return looks();
  }
}

function looks(): PathWatch {
  let closed = false;
  let wake = () => {};
  return {
    async *[Symbol.asyncIterator]() {
      while (!closed) {
        const { promise, resolve } = Promise.withResolvers<void>();
        const timer = setTimeout(resolve, LOOK_MS);
        wake = resolve;
        await promise;
        clearTimeout(timer);
        if (!closed) yield;
      }
    },
    close: () => {
      closed = true;
      wake();
    },
  };
}
