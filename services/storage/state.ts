import { type Attachment } from "./attachment.ts";
import { type ProcessRef } from "../../lib/process/mod.ts";
import { type PrepareContainerResponse } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { openStore, type Store, type Table } from "../../lib/store/mod.ts";
import { STATE_FILE, storageDir } from "./paths.ts";

/** How a share reaches its guest. */
export type ShareKindName = "virtiofs" | "9p" | "block";

/** The share of a sandbox: what is meant to be there, written before it is. */
export interface ShareRecord {
  kind: ShareKindName;
  state: "creating" | "ready" | "removing";
  /** virtiofsd, once it has been started. */
  daemon?: ProcessRef;
}

/** A container in a share. */
export interface ContainerRecord {
  state: "preparing" | "ready" | "releasing";
  /** Tells a repeated request from a different one of the same id. */
  requestHash: string;
  /** The pod's volumes that it uses: each one is in the share as long as somebody does. */
  attachments?: Attachment[];
  /** The answer, given again when the request is repeated. */
  response?: PrepareContainerResponse;
}

/** What storage knows across its own restarts. */
export class StorageState {
  readonly shares: Table<ShareRecord>;
  readonly #containers: Table<ContainerRecord>;
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
    this.shares = store.table("shares");
    this.#containers = store.table("containers");
  }

  container(sandboxId: string, containerId: string): ContainerRecord | undefined {
    return this.#containers.get(key(sandboxId, containerId));
  }

  putContainer(sandboxId: string, containerId: string, record: ContainerRecord): void {
    this.#containers.put(key(sandboxId, containerId), record);
  }

  deleteContainer(sandboxId: string, containerId: string): void {
    this.#containers.delete(key(sandboxId, containerId));
  }

  /** Ids of the containers of a sandbox. */
  containerIds(sandboxId: string): string[] {
    const prefix = key(sandboxId, "");
    return this.#containers.ids().filter((id) => id.startsWith(prefix)).map((id) => id.slice(prefix.length));
  }

  /** The volumes of a sandbox that some container uses, but for one that is going. */
  attachments(sandboxId: string, leaving = ""): Attachment[] {
    const ids = this.containerIds(sandboxId).filter((id) => id !== leaving);
    const all = ids.flatMap((id) => this.container(sandboxId, id)?.attachments ?? []);
    return [...new Map(all.map((attachment) => [attachment.id, attachment])).values()];
  }

  /** Files and devices of the host that are disks of some container. */
  hostPathsInUse(): string[] {
    return this.#containers.entries().flatMap(([, { response }]) =>
      (response?.blockDevices ?? []).map(({ hostPath }) => hostPath)
    );
  }

  /** Forgets a share and its containers. */
  deleteShare(sandboxId: string): void {
    this.#store.transaction(() => {
      for (const containerId of this.containerIds(sandboxId)) this.deleteContainer(sandboxId, containerId);
      this.shares.delete(sandboxId);
    });
  }

  close(): void {
    this.#store.close();
  }
}

/** No id holds a slash. */
function key(sandboxId: string, containerId: string): string {
  return `${sandboxId}/${containerId}`;
}

/** Opens the state below a run directory. */
export function openState(runDir: string): StorageState {
  return new StorageState(openStore(`${storageDir(runDir)}/${STATE_FILE}`, []));
}
