/** State of a service in SQLite. */
export { openStore } from "./open.ts";
export { type Row, Store, Table } from "./store.ts";
