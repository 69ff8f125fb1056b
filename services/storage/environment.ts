import { type Logger, type LogKeeper } from "../../lib/log/mod.ts";
import { type ExitWatcher } from "../../lib/process/mod.ts";
import { type ImageStore } from "./block/image_store.ts";
import { type BlockSettings, type VirtiofsdSettings } from "./settings.ts";
import { type StorageState } from "./state.ts";

/** What every step of the service works with. */
export interface Environment {
  /** Absolute, without symbolic links. */
  runDir: string;
  state: StorageState;
  virtiofsd: VirtiofsdSettings;
  block: BlockSettings;
  /** Disks of containers, where nothing is shared. */
  images: ImageStore;
  watcher: ExitWatcher;
  log: Logger;
  /** Keeps what virtiofsd writes from growing. */
  logKeeper: LogKeeper;
}
