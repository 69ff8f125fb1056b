import { asKuasarError, type KuasarError } from "../../lib/errors/mod.ts";
import { HostRuntime_Kind } from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import { within } from "../runtime/deadline.ts";
import { log as agentLog } from "../runtime/log.ts";
import type { Preparer } from "./prepare.ts";
import type { ContainerRecord, RecordStore } from "./record.ts";

/** Shorter than the 10 s that containerd gives a Delete. */
const RELEASE_TIMEOUT_MS = 6_000;
const RELEASE_RETRY_MS = 300_000;

/** Gives the files and devices of containers back to the sandboxer. */
export class Releases {
  readonly #preparer: Pick<Preparer, "callShared">;
  readonly #records: Pick<RecordStore, "remove">;
  readonly #log: Pick<typeof agentLog, "warn" | "error">;
  /** Those under way, by the container's id, in the background too. They never fail. */
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(
    preparer: Pick<Preparer, "callShared">,
    records: Pick<RecordStore, "remove">,
    log: Pick<typeof agentLog, "warn" | "error"> = agentLog,
  ) {
    this.#preparer = preparer;
    this.#records = records;
    this.#log = log;
  }

  /**
   * Resolves when what is taken away of an earlier container of this id cannot be a new one's: the sandboxer and the records
   * know containers, and sandboxes that are made for one, by their ids only.
   *
   * @throws KuasarError DEADLINE_EXCEEDED after `timeoutMs`
   */
  async settled(id: string, timeoutMs = RELEASE_RETRY_MS): Promise<void> {
    const endMs = Date.now() + timeoutMs;
    for (let before; (before = this.#underWay.get(id));) {
      const leftMs = Math.max(1, endMs - Date.now());
      await within(leftMs, `take away what an earlier container ${id} has left`, before);
    }
  }

  /** Releases a container that was deleted. Waits as far as somebody has to. */
  async releaseDeleted(record: ContainerRecord): Promise<void> {
    const released = this.release(record);
    if (!needsNoWait(record)) await released;
  }

  /** Releases a container; in the background when the sandboxer is away for longer. Never fails. */
  async release(record: ContainerRecord): Promise<void> {
    const { id: container } = record;
    const first = this.#attempt(record, RELEASE_TIMEOUT_MS).then(
      () => undefined,
      (error: KuasarError) => error,
    );
    const all = first.then(async (error) => {
      if (!error) return;
      this.#log.warn("cannot release a container yet", { container, error });
      await this.#attempt(record, RELEASE_RETRY_MS).catch((late) =>
        this.#log.error("cannot release a container", { container, error: late })
      );
    });
    this.#underWay.set(container, all);
    void all.then(() => {
      if (this.#underWay.get(container) === all) this.#underWay.delete(container);
    });
    await first;
  }

  async #attempt({ id: containerId, sandboxId }: ContainerRecord, timeoutMs: number): Promise<void> {
    try {
      await this.#preparer.callShared(
        { timeoutMs },
        (client, callMs) => client.releaseContainer({ sandboxId, containerId }, { timeoutMs: callMs }),
      );
    } catch (error) {
      // A sandbox that is gone has taken everything with it.
      if (asKuasarError(error).code !== "NOT_FOUND") throw asKuasarError(error);
    }
    this.#records.remove(containerId);
  }
}

/**
 * True where what is to be released are directories alone, whose going nobody has to wait for: the runtime's delete has
 * unmounted what was mounted, and there are neither devices nor a sandbox that ends with the container.
 */
function needsNoWait({ id, sandboxId, runtime }: ContainerRecord): boolean {
  return runtime?.kind === HostRuntime_Kind.RUNC && sandboxId !== id;
}
