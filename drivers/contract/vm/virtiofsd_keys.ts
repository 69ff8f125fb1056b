import { boolean, integer, table, text } from "../../../lib/config/mod.ts";

/** Kuasar's keys that belong to the storage service here, where virtiofsd is started. */
export const VIRTIOFSD_KEYS = table({
  path: text(),
  log_level: text(),
  cache: text(),
  thread_pool_size: integer(),
  syslog: boolean(),
  socket_path: text(),
  shared_dir: text(),
});

/** What is told where a driver's file has such a key. */
export const VIRTIOFSD_NOTE = "virtiofsd is configured at the storage service, not in this file";
