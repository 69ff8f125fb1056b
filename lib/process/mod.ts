/** Processes of ours that may outlive us: start, recognise, watch and end them. */
export { type AskOptions, askVersion, type VersionAnswer } from "./ask_version.ts";
export { childrenOf } from "./children.ts";
export { ENDING_SIGNALS, isEnding, onEnding, runCommand } from "./ending.ts";
export { ExitWatcher, exitWatcher, type ProcessExit } from "./exit_watcher.ts";
export { killOnAbort } from "./kill_on_abort.ts";
export type { Access, Capability, Jail, JailRoot, Shown } from "./jail.ts";
export { isAlive, type ProcessRef, processRef, startTime } from "./process_ref.ts";
export { allowedOomScoreAdj, setOomScoreAdj } from "./oom_score_adj.ts";
export { type ChildExit, settingUp, type SpawnedProcess, type SpawnOptions, spawnWithFds } from "./spawn.ts";
export { exitWithin, killProcess, terminate, type TerminateOptions } from "./terminate.ts";
export { isAtLeast, versionIn } from "./version_text.ts";
