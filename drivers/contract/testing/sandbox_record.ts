import type { SandboxRecord } from "../host/record.ts";

/** The record of a sandbox of a pod as most are: with a network of its own. */
export function sandboxRecord(change: Partial<SandboxRecord> = {}): SandboxRecord {
  return {
    id: "s1",
    state: "STARTING",
    netnsPath: "/var/run/netns/p",
    hostname: "web",
    ownIpc: true,
    sharePid: false,
    cgroup: "",
    madeCgroups: [],
    ...change,
  };
}
