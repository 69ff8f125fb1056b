/** What every resident process shares: main function, flags, inherited sockets, readiness. */
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
export { EXIT, runService, type ServiceContext, type ServiceOptions } from "./run_service.ts";
export { exitCodeOf, runTask, tellFailure } from "./run_task.ts";
export { NOTHING_TO_SAY, type SelfCheck, type SelfCheckProblem } from "./self_check.ts";
export { VERSION } from "./version.ts";
