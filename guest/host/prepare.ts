import { asKuasarError, KuasarError } from "../../lib/errors/mod.ts";
import { PrepareDefinition } from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import { createClient, TtrpcClient, type TypedClient } from "../../lib/ttrpc/mod.ts";
import * as sys from "../native/sys.js";
import { sleep } from "../runtime/deadline.ts";
import { FdStream } from "../runtime/fd_stream.ts";
import type { CallLimits } from "./call_limits.ts";

type PrepareClient = TypedClient<typeof PrepareDefinition>;

/** Between two tries while the sandboxer restarts. */
const RETRY_MS = 50;
/** The shared connection is closed when it has not been used for so long. */
const IDLE_MS = 2_000;

/** The sandboxer's Prepare service. Calls are repeated while the sandboxer is away, which all of them allow. */
export class Preparer {
  readonly #path: string;
  /** Of the calls that need no connection of their own. */
  #shared: TtrpcClient | undefined;
  #idle: ReturnType<typeof setTimeout> | undefined;

  /** @param path the sandboxer's `prepare.sock` */
  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Makes a call on the connection that such calls share. Giving it up ends nothing at the sandboxer.
   *
   * @throws KuasarError what the sandboxer answers, DEADLINE_EXCEEDED, or UNAVAILABLE where it stays away
   */
  async callShared<T>(
    limits: CallLimits,
    work: (client: PrepareClient, timeoutMs: number) => Promise<T>,
  ): Promise<T> {
    clearTimeout(this.#idle);
    try {
      return await this.#callShared(limits, work);
    } finally {
      clearTimeout(this.#idle);
      this.#idle = setTimeout(() => this.#closeIdle(), IDLE_MS);
    }
  }

  #closeIdle(): void {
    if (this.#shared?.openCalls === 0) this.#forget(this.#shared);
  }

  async #callShared<T>(
    limits: CallLimits,
    work: (client: PrepareClient, timeoutMs: number) => Promise<T>,
  ): Promise<T> {
    const { timeoutMs } = limits;
    const begin = sys.nowMs();
    const open = this.#shared;
    if (open) {
      try {
        return await work(createClient(PrepareDefinition, open, { timeoutMs }), timeoutMs);
      } catch (error) {
        const own = asKuasarError(error);
        if (own.code !== "UNAVAILABLE") throw own;
        // It has ended, or is about to: whoever comes next makes a new one.
        this.#forget(open);
      }
    }
    const left = { ...limits, timeoutMs: Math.max(1, timeoutMs - (sys.nowMs() - begin)) };
    return await this.#repeated(left, async (leftMs) => {
      const client = this.#shared ??= this.#connect();
      void client.closed.then(() => this.#forget(client));
      try {
        return await work(createClient(PrepareDefinition, client, { timeoutMs: leftMs }), leftMs);
      } catch (error) {
        if (asKuasarError(error).code === "UNAVAILABLE") this.#forget(client);
        throw error;
      }
    });
  }

  #forget(client: TtrpcClient): void {
    if (this.#shared === client) this.#shared = undefined;
    // Whoever else waits on it calls again.
    client.close();
  }

  /**
   * Makes a call on a connection of its own, whose end cancels it.
   *
   * @throws KuasarError what the sandboxer answers, DEADLINE_EXCEEDED, or UNAVAILABLE where it stays away
   */
  call<T>(limits: CallLimits, work: (client: PrepareClient, timeoutMs: number) => Promise<T>): Promise<T> {
    return this.connected(
      limits,
      (client, leftMs) => work(createClient(PrepareDefinition, client, { timeoutMs: leftMs }), leftMs),
    );
  }

  /** As {@link call}, for whatever the socket serves. */
  connected<T>(
    limits: CallLimits,
    work: (client: TtrpcClient, timeoutMs: number) => Promise<T>,
  ): Promise<T> {
    return this.#repeated(limits, (leftMs) => this.#once(work, leftMs));
  }

  async #repeated<T>(
    { timeoutMs, awayMs = timeoutMs }: CallLimits,
    once: (leftMs: number) => Promise<T>,
  ): Promise<T> {
    const deadline = sys.nowMs() + timeoutMs;
    let awaySince = sys.nowMs();
    for (;;) {
      const begin = sys.nowMs();
      try {
        return await once(Math.max(1, deadline - begin));
      } catch (error) {
        const own = asKuasarError(error);
        const now = sys.nowMs();
        // One that took the call and went away during it was there.
        if (now - begin > RETRY_MS) awaySince = now;
        if (own.code !== "UNAVAILABLE" || now + RETRY_MS > Math.min(deadline, awaySince + awayMs)) throw own;
        await sleep(RETRY_MS);
      }
    }
  }

  async #once<T>(
    work: (client: TtrpcClient, timeoutMs: number) => Promise<T>,
    timeoutMs: number,
  ): Promise<T> {
    const client = this.#connect();
    try {
      return await work(client, timeoutMs);
    } finally {
      client.close();
    }
  }

  #connect(): TtrpcClient {
    let fd: number;
    try {
      fd = sys.connectUnix(this.#path);
    } catch (error) {
      throw new KuasarError("UNAVAILABLE", `Cannot reach the sandboxer: ${(error as Error).message}`, {
        cause: error,
      });
    }
    return new TtrpcClient(new FdStream(fd));
  }
}
