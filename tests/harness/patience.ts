/**
 * How long a test waits for what a kubelet or a person would wait for; the former gives 120 s or more itself. Ten VMs that start at once,
 * under emulation and beside whatever else the host does, take longer than users would wait, and no test judges how soon.
 */
export const PATIENCE_MS = 400_000;
