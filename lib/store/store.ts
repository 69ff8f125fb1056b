import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { KuasarError } from "../errors/mod.ts";
import type { StoreCopy } from "./copy.ts";
import { logger } from "../log/mod.ts";
import { explained, isDamage } from "./failure.ts";

/** A row as SQLite gives it. */
export type Row = Record<string, unknown>;

/** The state of a service: plain SQL, transactions and tables of JSON documents. Everything is synchronous. */
export class Store {
  readonly path: string;
  readonly #database: DatabaseSync;
  #copy: StoreCopy | undefined;
  #inTransaction = false;

  /** Use `openStore`. */
  constructor(database: DatabaseSync, path: string) {
    this.#database = database;
    this.path = path;
  }

  /** Has every change made in a copy too. */
  follow(copy: StoreCopy): void {
    this.#copy = copy;
  }

  /** Runs one or more statements without parameters. @throws {KuasarError} RESOURCE_EXHAUSTED on a full disk */
  exec(sql: string): void {
    this.#try(() => this.#database.exec(sql));
    this.#copy?.exec(sql);
  }

  /** Runs a statement. @returns how many rows it changed @throws {KuasarError} RESOURCE_EXHAUSTED on a full disk */
  run(sql: string, ...parameters: SQLInputValue[]): number {
    const { changes } = this.#try(() => this.#database.prepare(sql).run(...parameters));
    this.#copy?.run(sql, parameters);
    return Number(changes);
  }

  /** The first row of a query. */
  get(sql: string, ...parameters: SQLInputValue[]): Row | undefined {
    return this.#try(() => this.#database.prepare(sql).get(...parameters)) as Row | undefined;
  }

  /** All rows of a query. */
  all(sql: string, ...parameters: SQLInputValue[]): Row[] {
    return this.#try(() => this.#database.prepare(sql).all(...parameters)) as Row[];
  }

  #try<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      const failure = explained(this.path, error);
      if (isDamage(failure)) endDamaged(failure);
      throw failure;
    }
  }

  /** Runs `work` as one transaction: all of it happens or, when it throws, nothing. Inside another one it joins. */
  transaction<T>(work: () => T): T {
    if (this.#inTransaction) return work();
    this.exec("BEGIN IMMEDIATE");
    this.#inTransaction = true;
    try {
      const result = work();
      this.exec("COMMIT");
      return result;
    } catch (error) {
      // SQLite has rolled back by itself where the disk is full.
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      this.#copy?.rollback();
      throw error;
    } finally {
      this.#inTransaction = false;
    }
  }

  /**
   * A table of JSON documents by id, made when it is missing. For state that is always read and written whole.
   *
   * @param name letters and underscores
   */
  table<T>(name: string): Table<T> {
    if (!/^[a-z_]+$/.test(name)) {
      throw new KuasarError("INVALID_ARGUMENT", `Cannot use ${JSON.stringify(name)} as the name of a table`);
    }
    this.exec(`CREATE TABLE IF NOT EXISTS ${name} (id TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT`);
    return new Table<T>(this, name);
  }

  /** Closes the file. Idempotent. */
  close(): void {
    this.#copy?.close();
    if (this.#database.isOpen) this.#database.close();
  }
}

/** Documents of one shape by id. */
export class Table<T> {
  readonly #store: Store;
  readonly #name: string;

  /** Use {@link Store.table}. */
  constructor(store: Store, name: string) {
    this.#store = store;
    this.#name = name;
  }

  /** The document with this id. */
  get(id: string): T | undefined {
    const row = this.#store.get(`SELECT document FROM ${this.#name} WHERE id = ?`, id);
    return row === undefined ? undefined : JSON.parse(String(row.document));
  }

  /** Writes a document, over an older one. It is durable against `kill -9` when this returns. */
  put(id: string, document: T): void {
    this.#store.run(
      `INSERT INTO ${this.#name} (id, document) VALUES (?, ?)
       ON CONFLICT (id) DO UPDATE SET document = excluded.document`,
      id,
      JSON.stringify(document),
    );
  }

  /** Writes a document unless there is one. @returns whether it was written */
  insert(id: string, document: T): boolean {
    const sql = `INSERT OR IGNORE INTO ${this.#name} (id, document) VALUES (?, ?)`;
    return this.#store.run(sql, id, JSON.stringify(document)) === 1;
  }

  /** Removes a document. @returns whether there was one */
  delete(id: string): boolean {
    return this.#store.run(`DELETE FROM ${this.#name} WHERE id = ?`, id) === 1;
  }

  /** All documents in the order of their ids. */
  entries(): [id: string, document: T][] {
    const rows = this.#store.all(`SELECT id, document FROM ${this.#name} ORDER BY id`);
    return rows.map((row) => [String(row.id), JSON.parse(String(row.document)) as T]);
  }

  /** All ids in order. */
  ids(): string[] {
    return this.#store.all(`SELECT id FROM ${this.#name} ORDER BY id`).map((row) => String(row.id));
  }
}

/** The next start begins with what is whole; this process could only refuse everything. */
function endDamaged(error: KuasarError): never {
  logger("store").error("The state is damaged: this process ends and is started again", { error });
  Deno.exit(1);
}
