import { KuasarError } from "../../lib/errors/mod.ts";
import { openStore, type Store, type Table } from "../../lib/store/mod.ts";
import type { ContainerRecord, SandboxRecord } from "./record.ts";
import { Sandbox } from "./sandbox.ts";

/** All sandboxes and containers of the node, in SQLite and in memory. */
export class Registry {
  readonly #store: Store;
  readonly #table: Table<SandboxRecord>;
  readonly #containers: Table<ContainerRecord>;
  readonly #sandboxes = new Map<string, Sandbox>();

  /** Opens the state and loads it. @throws DATA_LOSS when the file is broken */
  constructor(path: string) {
    this.#store = openStore(path, []);
    this.#table = this.#store.table("sandboxes");
    this.#containers = this.#store.table("containers");
    for (const [id, record] of this.#table.entries()) {
      this.#sandboxes.set(id, new Sandbox(record, this.#table));
    }
  }

  /** Stores a new sandbox. @throws ALREADY_EXISTS */
  create(record: SandboxRecord): Sandbox {
    if (this.#sandboxes.has(record.id) || !this.#table.insert(record.id, record)) {
      throw new KuasarError("ALREADY_EXISTS", `Cannot create sandbox ${record.id}: it exists already`);
    }
    const sandbox = new Sandbox(record, this.#table);
    this.#sandboxes.set(record.id, sandbox);
    return sandbox;
  }

  /** The sandbox of this id, if there is one. */
  find(id: string): Sandbox | undefined {
    return this.#sandboxes.get(id);
  }

  /** @throws NOT_FOUND */
  get(id: string): Sandbox {
    const sandbox = this.#sandboxes.get(id);
    if (sandbox) return sandbox;
    throw notFound(id);
  }

  /** @throws NOT_FOUND where {@link holds} says no */
  mustHold(sandbox: Sandbox): void {
    if (!this.holds(sandbox)) throw notFound(sandbox.id);
  }

  /** The one sandbox whose id begins so. @throws NOT_FOUND for none, FAILED_PRECONDITION for several */
  resolve(prefix: string): Sandbox {
    const exact = this.#sandboxes.get(prefix);
    if (exact) return exact;
    const found = prefix === "" ? [] : this.all().filter(({ id }) => id.startsWith(prefix));
    const [only, second] = found;
    if (!only) return this.get(prefix);
    if (!second) return only;
    throw new KuasarError(
      "FAILED_PRECONDITION",
      `Cannot tell which sandbox ${JSON.stringify(prefix)} means: ${found.length} ids begin so`,
    );
  }

  /** All sandboxes in the order of their creation. */
  all(): Sandbox[] {
    return [...this.#sandboxes.values()].sort((a, b) => a.record.createdAtMs - b.record.createdAtMs);
  }

  /** True as long as this sandbox is known. Its id says nothing: another one may have it by now. */
  holds(sandbox: Sandbox): boolean {
    return this.#sandboxes.get(sandbox.id) === sandbox;
  }

  /** Forgets a sandbox and its containers; does nothing where that is done. */
  forget(sandbox: Sandbox): void {
    if (!this.holds(sandbox)) return;
    const { id } = sandbox;
    this.#store.transaction(() => {
      this.deleteContainers(id);
      this.#table.delete(id);
    });
    sandbox.forgotten = true;
    this.#sandboxes.delete(id);
  }

  /** The containers of a sandbox. */
  containers(sandboxId: string): ContainerRecord[] {
    return this.#containers.entries().map(([, record]) => record).filter((r) => r.sandboxId === sandboxId);
  }

  container(sandboxId: string, containerId: string): ContainerRecord | undefined {
    return this.#containers.get(key(sandboxId, containerId));
  }

  putContainer(record: ContainerRecord): void {
    this.#containers.put(key(record.sandboxId, record.containerId), record);
  }

  deleteContainer(sandboxId: string, containerId: string): void {
    this.#containers.delete(key(sandboxId, containerId));
  }

  deleteContainers(sandboxId: string): void {
    for (const { containerId } of this.containers(sandboxId)) this.deleteContainer(sandboxId, containerId);
  }

  close(): void {
    this.#store.close();
  }
}

function notFound(id: string): KuasarError {
  return new KuasarError("NOT_FOUND", `Cannot find sandbox ${JSON.stringify(id.slice(0, 128))}`);
}

/** Ids hold no slash. */
function key(sandboxId: string, containerId: string): string {
  return `${sandboxId}/${containerId}`;
}
