import type { Table } from "../../lib/store/mod.ts";
import type { GivenUp } from "./give_up.ts";
import type { ExitRecord, SandboxRecord } from "./record.ts";
import { checkMove, type SandboxState } from "./state.ts";

/** A sandbox in memory: its stored record and who waits for its end. */
export class Sandbox {
  /** Work for its containers that is under way; a stop waits for it before it cleans. */
  readonly preparing = new Set<Promise<unknown>>();
  /** Set when its row is deleted: what comes late must not write it again. */
  forgotten = false;
  /** Ends the start that is under way. */
  startAbort: AbortController | undefined;
  /** Why its VM is being ended although nobody has asked for it. */
  givenUp: GivenUp | undefined;
  /** Ends the watch for its exit. */
  watchAbort: AbortController | undefined;
  readonly #table: Table<SandboxRecord>;
  readonly #exitListeners = new Set<(exit: ExitRecord) => void>();
  #record: SandboxRecord;

  constructor(record: SandboxRecord, table: Table<SandboxRecord>) {
    this.#record = record;
    this.#table = table;
  }

  get id(): string {
    return this.#record.id;
  }

  get state(): SandboxState {
    return this.#record.state;
  }

  get record(): Readonly<SandboxRecord> {
    return this.#record;
  }

  /** Stores a changed record. */
  update(patch: Partial<Omit<SandboxRecord, "id" | "state">>): void {
    this.#store({ ...this.#record, ...patch });
  }

  /** Moves to another state and stores that together with `patch`. @throws FAILED_PRECONDITION */
  move(to: SandboxState, patch: Partial<Omit<SandboxRecord, "id" | "state">> = {}): void {
    checkMove(this.id, this.state, to);
    this.#store({ ...this.#record, ...patch, state: to });
  }

  /** Stores how it ended and answers everybody who waits for that. Only the first end counts. */
  noteExit(exit: ExitRecord): void {
    if (this.#record.exit) return;
    this.update({ exit });
    const listeners = [...this.#exitListeners];
    this.#exitListeners.clear();
    for (const listener of listeners) listener(exit);
  }

  /** Calls `listener` once when it has ended, at once where it has; returns a way to take it back. */
  onExit(listener: (exit: ExitRecord) => void): () => void {
    if (this.#record.exit) {
      listener(this.#record.exit);
      return () => {};
    }
    this.#exitListeners.add(listener);
    return () => this.#exitListeners.delete(listener);
  }

  #store(record: SandboxRecord): void {
    if (!this.forgotten) this.#table.put(record.id, record);
    this.#record = record;
  }
}
