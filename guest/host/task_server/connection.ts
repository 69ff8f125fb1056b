import { asKuasarError, KuasarError } from "../../../lib/errors/mod.ts";
import { TaskDefinition } from "../../../lib/proto/gen/containerd/task/v3/task.ts";
import { createClient, TtrpcClient } from "../../../lib/ttrpc/mod.ts";
import * as sys from "../../native/sys.js";
import { sleep } from "../../runtime/deadline.ts";
import { FdStream } from "../../runtime/fd_stream.ts";
import type { GuestTask } from "../sandbox_link.ts";

const RETRY_MS = 100;

/** The only name under which such a sandbox serves its tasks. */
const SERVICE = "containerd.task.v2.Task";

/** The connection to a sandbox's task socket, made when it is needed and made again when it breaks. */
export class TaskConnection {
  readonly #path: string;
  #client: TtrpcClient | undefined;
  #closed = false;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Calls the sandbox; again after a lost connection unless `repeat` is false.
   *
   * @throws KuasarError what the sandbox answers, UNAVAILABLE when it has ended
   */
  async call<T>(work: (task: GuestTask) => Promise<T>, repeat = true): Promise<T> {
    for (;;) {
      try {
        return await work(createClient(TaskDefinition, this.#connected(), { fullName: SERVICE }));
      } catch (error) {
        const own = asKuasarError(error);
        if (own.code !== "UNAVAILABLE" || this.#closed || !repeat) throw own;
        await sleep(RETRY_MS);
      }
    }
  }

  close(): void {
    this.#closed = true;
    this.#client?.close();
    this.#client = undefined;
  }

  #connected(): TtrpcClient {
    if (this.#closed) throw new KuasarError("UNAVAILABLE", "Cannot reach the sandbox: it has ended");
    if (this.#client) return this.#client;
    try {
      const client = new TtrpcClient(new FdStream(sys.connectUnix(this.#path)));
      this.#client = client;
      void client.closed.then(() => {
        if (this.#client === client) this.#client = undefined;
      });
      return client;
    } catch (cause) {
      throw new KuasarError("UNAVAILABLE", `Cannot reach the sandbox: ${(cause as Error).message}`, {
        cause,
      });
    }
  }
}
