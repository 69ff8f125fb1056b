/** Version of the task API; anything else makes containerd look for a shim binary. */
export const TASK_VERSION = 3;

/** Where containerd reaches the task server of every sandbox; containerd 2.1 takes this form only. */
export function taskAddress(runDir: string): string {
  return `ttrpc+unix://${runDir}/task.sock`;
}
