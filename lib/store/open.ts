import { basename, dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { KuasarError } from "../errors/mod.ts";
import { exists, removeIfThere } from "../files/mod.ts";
import { logger } from "../log/mod.ts";
import { copyPath, StoreCopy } from "./copy.ts";
import { explained, isDamage } from "./failure.ts";
import { Store } from "./store.ts";

const log = logger("store");

/** How long a start waits for another process that has the file open, as an older one of the same service that ends. */
const LOCK_TIMEOUT_MS = 1_000;
/** Room for changes on a disk that is full: in the file, and in its journal, which is written anew that often. */
const RESERVED_BYTES = 64 << 10;
const CHECKPOINT_PAGES = 8;
/** Of damaged files that were put aside so many are kept. */
const KEPT_ASIDE = 3;

/**
 * Opens the state of a service and brings it to the newest schema.
 *
 * The journal is a WAL with synchronous=NORMAL: a `kill -9` loses nothing that was committed; only a crash of the
 * host could, and that ends every sandbox anyway. The file is locked for as long as it is open, so that nobody else's
 * lock can stop a service in the middle of a call. There is a copy beside it: where the file is damaged or lost, it is put
 * aside with its date and the state taken from the copy, loudly.
 *
 * @param path the database file; its directory is made with mode 0700
 * @param migrations SQL scripts; script n brings version n to n + 1. Scripts are only ever appended
 * @throws {KuasarError} FAILED_PRECONDITION when the file is of a newer version, UNAVAILABLE when another process has it
 *   open, RESOURCE_EXHAUSTED when there is no room for it
 */
export function openStore(path: string, migrations: readonly string[]): Store {
  Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const database = openWhole(path);
  try {
    const store = new Store(database, path);
    migrate(store, path, migrations);
    // The file is whole: on a full disk the copy's room is needed first for the journal.
    removeIfThere(copyPath(path));
    reserve(database, path);
    const copy = StoreCopy.make(database, path);
    if (copy) store.follow(copy);
    return store;
  } catch (error) {
    database.close();
    throw explained(path, error);
  }
}

function openWhole(path: string): DatabaseSync {
  if (!exists(path)) {
    if (exists(copyPath(path))) takeCopy(path, "The state was lost and is taken from its copy");
    else if (hasOthers(path)) {
      log.error("The state was lost; it begins empty, what it told of is cleaned up", { path });
    }
    return open(path);
  }
  try {
    const database = open(path);
    // A file that was cut short may look as new as one that was never there.
    if (!isEmpty(database) || !exists(copyPath(path))) return database;
    database.close();
    log.error("The state has lost its content", { path });
  } catch (error) {
    if (!isDamage(error)) throw error;
    log.error("The state is damaged", { path, error });
  }
  putAside(path);
  if (exists(copyPath(path))) {
    takeCopy(path, "The state is taken from its copy");
    try {
      return open(path);
    } catch (error) {
      if (!isDamage(error)) throw error;
      putAside(path);
    }
  }
  log.error("The state has no whole copy; it begins empty, what it told of is cleaned up", { path });
  return open(path);
}

/** Whether there is something in its directory that is no part of the state: it has been used. */
function hasOthers(path: string): boolean {
  return [...Deno.readDirSync(dirname(path))].some(({ name }) => !name.startsWith(basename(path)));
}

/** @throws {KuasarError} DATA_LOSS for a damaged one, UNAVAILABLE, RESOURCE_EXHAUSTED */
function open(path: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: LOCK_TIMEOUT_MS });
    Deno.chmodSync(path, 0o600);
    // The cache is kept at 256 KiB: the state of a node is small and each service counts its memory.
    database.exec(
      `PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;
       PRAGMA cache_size=-256; PRAGMA wal_autocheckpoint=${CHECKPOINT_PAGES}`,
    );
    const { quick_check: verdict } = database.prepare("PRAGMA quick_check(1)").get() ?? {};
    if (verdict === "ok") return database;
    throw new KuasarError("DATA_LOSS", `Cannot use the state ${path}: ${verdict}`);
  } catch (error) {
    database?.close();
    throw explained(path, error);
  }
}

function isEmpty(database: DatabaseSync): boolean {
  return database.prepare("SELECT 1 FROM sqlite_master LIMIT 1").get() === undefined;
}

/** Moves a file out of the way, with its journal; the oldest ones that lie there are removed. */
function putAside(path: string): void {
  const prefix = `${path}.broken-`;
  let aside = `${prefix}${new Date().toISOString()}`;
  while (exists(aside)) aside += "+";
  Deno.renameSync(path, aside);
  if (exists(`${path}-wal`)) Deno.renameSync(`${path}-wal`, `${aside}-wal`);
  log.error("The file of the state was put aside", { path, aside });
  const all = [...Deno.readDirSync(dirname(path))].map(({ name }) => `${dirname(path)}/${name}`)
    .filter((name) => name.startsWith(prefix) && !name.endsWith("-wal")).sort();
  for (const old of all.slice(0, -KEPT_ASIDE)) {
    removeIfThere(old);
    removeIfThere(`${old}-wal`);
  }
}

function takeCopy(path: string, why: string): void {
  log.error(why, { path });
  // One of a file that is not there any more would be taken for the copy's.
  removeIfThere(`${path}-wal`);
  Deno.renameSync(copyPath(path), path);
}

/** Makes room for changes to come: pages of the file that are free, and a journal that has its length already. */
function reserve(database: DatabaseSync, path: string): void {
  try {
    database.exec(
      `BEGIN IMMEDIATE; CREATE TABLE kuasar_reserve (room BLOB);
       INSERT INTO kuasar_reserve VALUES (zeroblob(${RESERVED_BYTES})); DROP TABLE kuasar_reserve; COMMIT`,
    );
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    log.error("Cannot reserve room for the state", { path, error });
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
