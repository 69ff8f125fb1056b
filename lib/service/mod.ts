/** What every resident process shares: main function, flags, inherited sockets, readiness. */
export { EXIT, exitCodeOf } from "./exit.ts";
export {
  type Flag,
  type FlagTable,
  type FlagValue,
  type FlagValues,
  formatHelp,
  parseFlags,
  type Usage,
} from "./flags.ts";
export { inheritedFd } from "./inherited_fds.ts";
export { notify } from "./notify.ts";
export { runService, type ServiceContext, type ServiceOptions } from "./run_service.ts";
export { runTask, tellFailure } from "./run_task.ts";
export { NOTHING_TO_SAY, type SelfCheck, type SelfCheckProblem } from "./self_check.ts";
export { VERSION } from "./version.ts";
