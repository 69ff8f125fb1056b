/** What end-to-end tests, the demo and the benchmarks share: a node of their own, driven over CRI. */
export { type CommandResult, runCommandLine } from "./command_line.ts";
export { Ctr, type Input } from "./ctr.ts";
export { difference, openFilesOf, type Snapshot, takeSnapshot, waitForNoLeaks } from "./leaks.ts";
export { findNerdctl, Nerdctl, NERDCTL_NAMESPACE } from "./nerdctl.ts";
export { Node, type NodeOptions, TASK_SERVER } from "./node.ts";
export { PATIENCE_MS } from "./patience.ts";
export { PAUSE_REF, pauseImage } from "./pause_image.ts";
export { findProcesses, findSandboxProcess } from "./processes.ts";
export { Container, type ExecResult, Pod } from "./pod.ts";
