import { asKuasarError, KuasarError } from "../../lib/errors/mod.ts";
import { PrepareDefinition } from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import { createClient, TtrpcClient, type TypedClient } from "../../lib/ttrpc/mod.ts";
import * as sys from "../native/sys.js";
import { sleep } from "../runtime/deadline.ts";
import { FdStream } from "../runtime/fd_stream.ts";

type PrepareClient = TypedClient<typeof PrepareDefinition>;

/** Between two tries while the sandboxer restarts. */
const RETRY_MS = 50;

/**
 * The sandboxer's Prepare service. Every call has a connection of its own and is repeated while the sandboxer is away,
 * which all of them allow.
 */
export class Preparer {
  readonly #path: string;

  /** @param path the sandboxer's `prepare.sock` */
  constructor(path: string) {
    this.#path = path;
  }

  /** @throws KuasarError what the sandboxer answers, or UNAVAILABLE after `timeoutMs` */
  call<T>(timeoutMs: number, work: (client: PrepareClient, timeoutMs: number) => Promise<T>): Promise<T> {
    return this.connected(
      timeoutMs,
      (client, leftMs) => work(createClient(PrepareDefinition, client, { timeoutMs: leftMs }), leftMs),
    );
  }

  /** As {@link call}, for whatever the socket serves. */
  async connected<T>(
    timeoutMs: number,
    work: (client: TtrpcClient, timeoutMs: number) => Promise<T>,
  ): Promise<T> {
    const deadline = sys.nowMs() + timeoutMs;
    for (;;) {
      try {
        return await this.#once(work, Math.max(1, deadline - sys.nowMs()));
      } catch (error) {
        const own = asKuasarError(error);
        if (own.code !== "UNAVAILABLE" || sys.nowMs() + RETRY_MS > deadline) throw own;
        await sleep(RETRY_MS);
      }
    }
  }

  async #once<T>(
    work: (client: TtrpcClient, timeoutMs: number) => Promise<T>,
    timeoutMs: number,
  ): Promise<T> {
    let fd: number;
    try {
      fd = sys.connectUnix(this.#path);
    } catch (error) {
      throw new KuasarError("UNAVAILABLE", `Cannot reach the sandboxer: ${(error as Error).message}`, {
        cause: error,
      });
    }
    const client = new TtrpcClient(new FdStream(fd));
    try {
      return await work(client, timeoutMs);
    } finally {
      client.close();
    }
  }
}
