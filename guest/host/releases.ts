import { asKuasarError } from "../../lib/errors/mod.ts";
import { HostRuntime_Kind } from "../../lib/proto/gen/kuasar/prepare/v1/prepare.ts";
import { log } from "../runtime/log.ts";
import type { Preparer } from "./prepare.ts";
import type { ContainerRecord, RecordStore } from "./record.ts";

/** Shorter than the 10 s that containerd gives a Delete. */
const RELEASE_TIMEOUT_MS = 6_000;
const RELEASE_RETRY_MS = 300_000;

/** Gives the files and devices of containers back to the sandboxer. */
export class Releases {
  readonly #preparer: Preparer;
  readonly #records: RecordStore;
  /** Those that nobody waits for, by the container's id. */
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(preparer: Preparer, records: RecordStore) {
    this.#preparer = preparer;
    this.#records = records;
  }

  /** Resolves when what is taken away of an earlier container of this id cannot be a new one's. */
  async settled(id: string): Promise<void> {
    await this.#underWay.get(id);
  }

  /** Releases a container that was deleted. Waits as far as somebody has to. */
  async releaseDeleted(record: ContainerRecord): Promise<void> {
    const released = this.release(record);
    if (!needsNoWait(record)) return await released;
    const { id } = record;
    this.#underWay.set(id, released);
    void released.finally(() => {
      if (this.#underWay.get(id) === released) this.#underWay.delete(id);
    });
  }

  /** Releases a container; in the background when the sandboxer is away for longer. */
  async release({ id: containerId, sandboxId }: ContainerRecord): Promise<void> {
    const release = (timeoutMs: number) =>
      this.#preparer.callShared(
        { timeoutMs },
        (client, callMs) => client.releaseContainer({ sandboxId, containerId }, { timeoutMs: callMs }),
      );
    try {
      await release(RELEASE_TIMEOUT_MS);
      this.#records.remove(containerId);
    } catch (error) {
      const own = asKuasarError(error);
      // A sandbox that is gone has taken everything with it.
      if (own.code === "NOT_FOUND") return this.#records.remove(containerId);
      log.warn("cannot release a container yet", { container: containerId, error: own });
      void release(RELEASE_RETRY_MS).then(
        () => this.#records.remove(containerId),
        (late) => log.error("cannot release a container", { container: containerId, error: late }),
      );
    }
  }
}

/**
 * True where what is to be released are directories alone, whose going nobody has to wait for: the runtime's delete has
 * unmounted what was mounted, and there are neither devices nor a sandbox that ends with the container.
 */
function needsNoWait({ id, sandboxId, runtime }: ContainerRecord): boolean {
  return runtime?.kind === HostRuntime_Kind.RUNC && sandboxId !== id;
}
