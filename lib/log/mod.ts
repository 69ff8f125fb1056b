/** Log lines of every service. */
export {
  captureLog,
  formatLine,
  LOG_LEVELS,
  type LogFields,
  type Logger,
  logger,
  type LogLevel,
  setLogLevel,
} from "./logger.ts";
export { writesToJournal } from "./journal.ts";
export { LogKeeper } from "./log_keeper.ts";
