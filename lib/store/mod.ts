/** State of a service in SQLite. */
export { openStore, type Row, Store, Table } from "./store.ts";
