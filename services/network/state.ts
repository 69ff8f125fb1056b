import { openStore, type Store, type Table } from "../../lib/store/mod.ts";

/** What was, or is about to be, made for one link of a pod. */
export interface NicState {
  tap: string;
  link: string;
  linkIndex: number;
  /** Whether the ingress qdisc of the link is ours. */
  ownsQdisc: boolean;
}

/** What this service knows of a sandbox. */
export interface Attachment {
  /** `attaching`: intent, the effects may be there in part. `attached`: all of it is there. */
  phase: "attaching" | "attached";
  /** Empty for a pod on the host's network. */
  netnsPath: string;
  /** See `netnsIdentity`; empty for a pod on the host's network. */
  netnsIdentity: string;
  queues: number;
  nics: NicState[];
}

/** The state of the service. */
export interface NetworkState {
  store: Store;
  attachments: Table<Attachment>;
}

/** Schema changes, oldest first; only ever appended to. */
const MIGRATIONS = ["CREATE TABLE attachments (id TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT"];

/** Opens the state. @throws {KuasarError} */
export function openState(path: string): NetworkState {
  const store = openStore(path, MIGRATIONS);
  return { store, attachments: store.table<Attachment>("attachments") };
}
