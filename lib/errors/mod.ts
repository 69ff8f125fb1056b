export {
  asKuasarError,
  CODES,
  type ErrorCode,
  type ErrorDetails,
  KuasarError,
  MAX_EVIDENCE_LINES,
} from "./error.ts";
export { fromStatus, type Status, toStatus } from "./status.ts";
