export { formatDuration } from "./duration.ts";
export { asKuasarError, CODES, type ErrorCode, type ErrorDetails, KuasarError } from "./error.ts";
export { fromStatus, type Status, toStatus } from "./status.ts";
