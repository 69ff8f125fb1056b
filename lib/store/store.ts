import { dirname } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { asKuasarError, KuasarError } from "../errors/mod.ts";

/** A row as SQLite gives it. */
export type Row = Record<string, unknown>;

/**
 * Opens the state of a service and brings it to the newest schema.
 *
 * The journal is a WAL with synchronous=NORMAL: a `kill -9` loses nothing that was committed; only a crash of the
 * host could, and that ends every sandbox anyway.
 *
 * @param path the database file; its directory is made with mode 0700
 * @param migrations SQL scripts; script n brings version n to n + 1. Scripts are only ever appended
 * @throws {KuasarError} FAILED_PRECONDITION when the file is of a newer version, DATA_LOSS when it is broken
 */
export function openStore(path: string, migrations: readonly string[]): Store {
  Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: 5000 });
    if (path !== ":memory:") Deno.chmodSync(path, 0o600);
    // The cache is kept at 256 KiB: the state of a node is small and each service counts its memory.
    database.exec(
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; PRAGMA cache_size=-256",
    );
    const store = new Store(database, path);
    migrate(store, path, migrations);
    return store;
  } catch (error) {
    database?.close();
    if (error instanceof KuasarError) throw error;
    throw new KuasarError("DATA_LOSS", `Cannot open the state ${path}: ${asKuasarError(error).message}`, {
      cause: error,
    });
  }
}

/** The state of a service: plain SQL, transactions and tables of JSON documents. Everything is synchronous. */
export class Store {
  readonly path: string;
  readonly #database: DatabaseSync;
  #inTransaction = false;

  /** Use {@link openStore}. */
  constructor(database: DatabaseSync, path: string) {
    this.#database = database;
    this.path = path;
  }

  /** Runs one or more statements without parameters. */
  exec(sql: string): void {
    this.#database.exec(sql);
  }

  /** Runs a statement. @returns how many rows it changed */
  run(sql: string, ...parameters: SQLInputValue[]): number {
    return Number(this.#database.prepare(sql).run(...parameters).changes);
  }

  /** The first row of a query. */
  get(sql: string, ...parameters: SQLInputValue[]): Row | undefined {
    return this.#database.prepare(sql).get(...parameters) as Row | undefined;
  }

  /** All rows of a query. */
  all(sql: string, ...parameters: SQLInputValue[]): Row[] {
    return this.#database.prepare(sql).all(...parameters) as Row[];
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
      this.exec("ROLLBACK");
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

function migrate(store: Store, path: string, migrations: readonly string[]): void {
  const version = Number(store.get("PRAGMA user_version")?.user_version ?? 0);
  if (version > migrations.length) {
    throw new KuasarError(
      "FAILED_PRECONDITION",
      `Cannot open the state ${path}: it has schema version ${version}, this program knows ${migrations.length}`,
    );
  }
  for (let next = version; next < migrations.length; next++) {
    store.transaction(() => {
      store.exec(migrations[next]!);
      store.exec(`PRAGMA user_version = ${next + 1}`);
    });
  }
}
