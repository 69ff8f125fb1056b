export { digest, type Input } from "./digest.ts";
export { withLock } from "./lock.ts";
export { buildDir, root } from "./root.ts";
export { capture, run, type RunOptions } from "./run.ts";
export { lineCounter, lines, Progress } from "./progress.ts";
export { type Step, step, type StepContext } from "./step.ts";
export {
  archiveUri,
  type DebianPackage,
  type FetchOptions,
  fetchPackages,
  needCommands,
  type Suite,
  unpackPackages,
} from "./debian.ts";
