import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { removeIfThere } from "../files/mod.ts";
import { logger } from "../log/mod.ts";

const log = logger("store");

/** Where the copy of a state lies. */
export function copyPath(path: string): string {
  return `${path}-copy`;
}

/**
 * A second database with the same content, for the case that the first is damaged or lost while what it tells of goes on.
 *
 * It is only a help: a write to it that fails ends it, which is said once, until the next start makes it anew.
 */
export class StoreCopy {
  readonly #path: string;
  #database: DatabaseSync | undefined;

  private constructor(path: string, database: DatabaseSync) {
    this.#path = path;
    this.#database = database;
  }

  /** Copies a state; an older copy must be gone. @returns undefined where there is no room */
  static make(original: DatabaseSync, path: string): StoreCopy | undefined {
    const place = copyPath(path);
    try {
      original.prepare("VACUUM INTO ?").run(place);
      Deno.chmodSync(place, 0o600);
      const database = new DatabaseSync(place);
      // Of this file nothing must survive but the end of the process between two statements.
      database.exec(
        "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF; PRAGMA cache_size=-64",
      );
      return new StoreCopy(place, database);
    } catch (error) {
      log.error("Cannot keep a copy of the state", { path, error });
      removeIfThere(place);
      return undefined;
    }
  }

  exec(sql: string): void {
    this.#try((database) => database.exec(sql));
  }

  run(sql: string, parameters: SQLInputValue[]): void {
    this.#try((database) => database.prepare(sql).run(...parameters));
  }

  rollback(): void {
    this.#try((database) => database.isTransaction && database.exec("ROLLBACK"));
  }

  /** Closes the file, which stays. Idempotent. */
  close(): void {
    this.#database?.close();
    this.#database = undefined;
  }

  #try(work: (database: DatabaseSync) => unknown): void {
    if (!this.#database) return;
    try {
      work(this.#database);
    } catch (error) {
      log.error("Cannot keep the copy of the state, there is none until the next start", {
        path: this.#path,
        error,
      });
      this.close();
      // One that is behind must not be taken for the state.
      removeIfThere(this.#path);
    }
  }
}
