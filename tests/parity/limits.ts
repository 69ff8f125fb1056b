import type { Area } from "./case.ts";

const MIB = 1 << 20;

export const limits: Area = {
  name: "limits",
  groups: [{
    name: "calls",
    cases: [
      {
        name: "resource limits",
        differs: [{
          kinds: ["gvisor"],
          instead: {
            "CORE: 0 18446744073709551615": "CORE: unlimited",
            "MEMLOCK: 8388608 8388608": "MEMLOCK: 65536 65536",
            "SIGPENDING: many": "SIGPENDING: few",
          },
          why: "gVisor has one set of resource limits for all processes of a pod, and defaults of its own",
        }],
        script: "probe rlimits",
      },
      { name: "fifteen hundred processes", script: "probe forks 1500" },
      {
        name: "fifteen hundred processes of a user",
        script: "probe as 1000:1000 probe forks 1500",
      },
      {
        name: "what the kernel derives from its memory",
        differs: [{
          kinds: ["gvisor"],
          instead: {
            "kernel/threads-max is enough\nfs/file-max is enough\nfs/inotify/max_user_watches is enough\nfs/epoll/max_user_watches is enough":
              "",
          },
          why: "gVisor's kernel does not have these files",
        }],
        script:
          "cd /proc/sys; for f in kernel/threads-max fs/file-max fs/inotify/max_user_watches fs/epoll/max_user_watches; do test -e $f && test $(cut -c 1-15 $f) -ge 30000 && echo $f is enough; done; true",
      },
    ],
  }, {
    // In a pod of their own: gVisor has one set of limits for all processes of a sandbox.
    name: "set by a process",
    pod: { name: "parity-limits" },
    cases: [
      { name: "descriptors", script: "probe descriptors" },
      { name: "file size", script: "cd /tmp; probe filesize" },
      {
        name: "ulimit of the shell",
        differs: [{
          kinds: ["gvisor"],
          instead: {
            "*":
              "sh: error setting limit: Operation not permitted\n64\nsh: error setting limit: Operation not permitted\n0\n50",
          },
          why: "gVisor has one set of resource limits for all processes of a pod, and defaults of its own",
        }],
        script: "ulimit -n 100; ulimit -n; ulimit -n 200; ulimit -c 0; ulimit -c; ulimit -u 50; ulimit -u",
      },
      { name: "locked memory", script: "probe locked" },
      { name: "address space", script: "probe space" },
    ],
  }, {
    name: "memory of a container",
    pod: { name: "parity-memory" },
    container: { memoryLimitBytes: 64 * MIB },
    cases: [
      {
        name: "less than its limit",
        script:
          "dd if=/dev/zero of=/dev/shm/x bs=1M count=16 2>/dev/null; stat -c %s /dev/shm/x; rm /dev/shm/x",
      },
      {
        name: "more than its limit",
        act: ({ runToEnd }) =>
          runToEnd({ command: ["sh", "-c", "echo begin; tail /dev/zero"], memoryLimitBytes: 24 * MIB }),
      },
    ],
  }, {
    name: "CPU",
    container: { cpuQuotaUs: 50_000, cpuShares: 512 },
    cases: [
      {
        name: "a limited container runs",
        script: "i=0; while [ $i -lt 1000 ]; do i=$((i+1)); done; echo $i",
      },
    ],
  }],
};
