import type { Container } from "../harness/mod.ts";
import type { Area, Place } from "./case.ts";

/** As `kubectl debug --target` joins a container. */
async function joined({ pod, image, nextName, container }: Place): Promise<string> {
  const options = { name: nextName(), image, command: ["sleep", "1000"], pidOf: container.id };
  const debug = await pod.create(options);
  try {
    await debug.start();
  } catch {
    await debug.remove();
    return "refused";
  }
  const { stdout } = await debug.shell("tr '\\0' ' ' < /proc/1/cmdline");
  await endNow(debug);
  return stdout;
}

async function endNow(container: Container): Promise<void> {
  await container.stop(0);
  await container.waitForExit();
  await container.remove();
}

export const processes: Area = {
  name: "processes",
  groups: [{
    name: "calls",
    cases: [
      { name: "an orphan's parent", script: "probe orphan" },
      { name: "a subreaper", script: "probe subreaper" },
      {
        name: "pidfds",
        differs: [{
          kinds: ["gvisor"],
          instead: {
            "pidfd_open: ok\npoll while it runs: 0\npidfd_send_signal: ok\npoll after: 1\nwaitid: ok\nsignal 9":
              "pidfd_open: ENOSYS",
          },
          why: "gVisor's kernel does not have these calls",
        }],
        script: "probe pidfds",
      },
      { name: "a PID namespace below", script: "probe clones" },
      {
        name: "namespaces of one's own",
        differs: [{
          kinds: ["gvisor"],
          instead: { "cgroup: EPERM": "cgroup: ok" },
          why: "gVisor lets everybody make a cgroup namespace",
        }],
        script: "probe namespaces",
      },
      {
        name: "prctl",
        differs: [{
          kinds: ["gvisor"],
          instead: {
            "no_new_privs: 0": "no_new_privs: 1",
            "securebits: 0\ntimerslack: 50000": "securebits: EINVAL\ntimerslack: EINVAL",
          },
          why: "gVisor runs every process with no_new_privs, and does not have the other settings",
        }, {
          kinds: ["qemu"],
          instead: { "seccomp: 0": "seccomp: 2" },
          why: "in a VM a seccomp filter keeps every container from the machine's vsock",
        }],
        script: "probe prctls",
      },
      {
        name: "scheduling",
        differs: [{
          kinds: ["gvisor"],
          instead: {
            "nice down: EACCES\nbatch: ok\nfifo: EPERM": "nice down: ok\nbatch: EINVAL\nfifo: EINVAL",
          },
          why: "gVisor has one scheduling policy and lets everybody be nice",
        }],
        script: "probe scheduling",
      },
      { name: "ptrace", script: "probe traces" },
      { name: "threads", script: "probe threads" },
      { name: "shared memory and semaphores of System V", script: "probe sysv" },
      {
        name: "message queues of POSIX",
        differs: [{
          kinds: ["gvisor"],
          instead: {
            "mq_send: ok\nmq_receive: 5\nempty: EAGAIN": "mq_send: ENOSYS\nmq_receive: ENOSYS\nempty: ENOSYS",
          },
          why: "gVisor's kernel does not have these calls",
        }],
        script: "probe mqueue",
      },
      {
        name: "clocks",
        differs: [{
          kinds: ["gvisor"],
          instead: { "tai: ok": "tai: EINVAL" },
          why: "gVisor's kernel does not have these calls",
        }],
        script: "probe clocks",
      },
    ],
  }, {
    name: "container",
    container: { env: { FROM_POD: "a b", EMPTY: "", FROM_IMAGE: "no" }, workingDir: "/opt" },
    cases: [
      {
        name: "first process",
        differs: [{
          kinds: ["gvisor"],
          instead: { "NSpid:1": "" },
          why: "gVisor's /proc does not tell pids of inner namespaces",
        }],
        script:
          "cat /proc/1/comm; tr '\\0' ' ' < /proc/1/cmdline; echo; grep -E '^(NSpid|PPid)' /proc/1/status | tr -d '\\t'",
      },
      { name: "environment of an exec", script: "env | sort" },
      { name: "environment of the first process", script: "tr '\\0' '\\n' < /proc/1/environ | sort" },
      {
        name: "descriptors of an exec",
        script: "for i in 0 1 2 3 4 5 6; do test -e /proc/self/fd/$i && echo $i; done; true",
      },
      { name: "standard input of an exec", script: "wc -c; test -t 0; echo $?" },
      { name: "working directory", script: "pwd; cd /tmp; pwd -P; readlink /proc/self/cwd /proc/self/root" },
      {
        name: "processes that are seen",
        script: "ls /proc | grep -c '^1$'; ls /proc | grep -c '^[0-9]*$' | sed 's/^[2-8]$/few/'",
      },
      {
        name: "background jobs",
        script: "sleep 0.1 & sleep 0.2 & wait; echo done; (exit 3) & wait $!; echo $?",
      },
      {
        name: "pipes",
        script: "yes | head -n 10000 | wc -l; (exit 4) | true; echo $?; seq 1000 | tail -n 1",
      },
      {
        name: "session and group",
        script: "setsid sh -c 'echo $(($(cut -d\" \" -f5 /proc/self/stat) > 0))'; nohup true; echo $?",
      },
      {
        name: "uname",
        differs: [{
          kinds: ["gvisor"],
          instead: {
            "*":
              "Linux\nx86_64\nparity\ncat: can't open '/proc/sys/kernel/ostype': No such file or directory\nexit 1",
          },
          why: "gVisor's kernel does not have these files",
        }],
        script: "uname -s; uname -m; uname -n; cat /proc/sys/kernel/ostype",
      },
      {
        name: "a program that is not there",
        script: "nothing-here; echo $?; /opt/none; echo $?; /opt; echo $?; /opt/not-executable; echo $?",
      },
      { name: "a script without an interpreter", script: "/opt/no-interpreter; echo $?" },
      {
        name: "a program that is found in PATH",
        script: "in-path; command -v in-path; PATH=/bin; in-path; echo $?",
      },
      {
        name: "argument with every character",
        script: "printf '%s|' 'a\"b' \"c'd\" '$HOME' '`x`' '\\n' '' ' ' '*'; echo",
      },
      {
        name: "many arguments",
        script:
          "sh -c 'echo $#' sh $(seq 5000); env LONG=$(head -c 100000 /dev/zero | tr '\\0' x) sh -c 'echo ${#LONG}'",
      },
    ],
  }, {
    name: "starts and ends",
    cases: [
      {
        name: "exit codes",
        act: async ({ runToEnd }) =>
          (await Promise.all(
            [0, 1, 2, 126, 127, 128, 137, 255].map((code) =>
              runToEnd({ command: ["sh", "-c", `echo ${code}; exit ${code}`] })
            ),
          )).join("\n"),
      },
      {
        name: "output of both streams",
        act: ({ runToEnd }) =>
          runToEnd({
            command: ["sh", "-c", "echo out; sleep 0.5; echo err >&2; sleep 0.5; printf 'no newline'"],
          }),
      },
      {
        name: "a long line",
        act: async ({ runToEnd }) =>
          `${
            (await runToEnd({ command: ["sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x; echo"] })).length
          }`,
      },
      { name: "a program in PATH", act: ({ runToEnd }) => runToEnd({ command: ["in-path"] }) },
      { name: "a program that is not there", act: ({ runToEnd }) => runToEnd({ command: ["nothing-here"] }) },
      { name: "a path that is not there", act: ({ runToEnd }) => runToEnd({ command: ["/opt/none"] }) },
      {
        name: "a file that is not executable",
        act: ({ runToEnd }) => runToEnd({ command: ["/opt/not-executable"] }),
      },
      { name: "a directory", act: ({ runToEnd }) => runToEnd({ command: ["/opt"] }) },
      {
        name: "no interpreter",
        differs: [{
          kinds: ["runc", "wasm", "qemu"],
          instead: { "ended: 255 Error": "ended: 1 Error" },
          why: "crun ends with 1 where runc ends with 255",
        }, {
          kinds: ["gvisor"],
          instead: { "ended: 255 Error": "does not start" },
          why: "gVisor says so at the start of the container",
        }],
        act: async ({ runToEnd }) =>
          (await runToEnd({ command: ["/opt/no-interpreter"] })).split("\n").at(-1)!,
      },
      {
        name: "a relative path",
        act: ({ runToEnd }) => runToEnd({ command: ["./bin/sh", "-c", "echo $0"], workingDir: "/" }),
      },
      {
        name: "a program in PATH of the container",
        act: ({ runToEnd }) => runToEnd({ command: ["not-there-but-here"], env: { PATH: "/opt/own" } }),
      },
      {
        name: "PATH of the container's own",
        act: ({ runToEnd }) => runToEnd({ command: ["in-path"], env: { PATH: "/bin:/usr/local/bin" } }),
      },
      {
        name: "the image's command",
        act: ({ runToEnd }) => runToEnd({ command: [], args: ["-c", "echo args alone"] }),
      },
      {
        name: "a working directory that is made",
        act: ({ runToEnd }) => runToEnd({ command: ["pwd"], workingDir: "/made/for/it" }),
      },
      {
        name: "a working directory that is a file",
        act: ({ runToEnd }) => runToEnd({ command: ["pwd"], workingDir: "/etc/passwd" }),
      },
      {
        name: "variables with odd values",
        act: ({ runToEnd }) =>
          runToEnd({
            command: ["sh", "-c", 'echo "$A|$B|$C"'],
            env: { A: "x=y", B: " two  spaces ", C: "line\nline" },
          }),
      },
      {
        name: "first process is 1",
        act: ({ runToEnd }) => runToEnd({ command: ["sh", "-c", "echo $$ $PPID"] }),
      },
      {
        name: "children that stay behind",
        act: ({ runToEnd }) => runToEnd({ command: ["sh", "-c", "sleep 1000 & echo started"] }),
      },
      {
        name: "children that keep its output",
        act: ({ runToEnd }) =>
          runToEnd({ command: ["sh", "-c", "(trap '' HUP TERM; sleep 1000) & sleep 0.3; echo end; exit 5"] }),
      },
    ],
  }, {
    name: "exec",
    cases: [
      {
        name: "exit codes",
        act: async ({ container }) =>
          (await Promise.all(
            [0, 1, 77, 126, 127, 255].map(async (code) =>
              `${(await container.shell(`exit ${code}`)).exitCode}`
            ),
          )).join(" "),
      },
      {
        name: "ended by a signal",
        act: async ({ container }) =>
          (await Promise.all(
            ["TERM", "KILL", "SEGV", "USR1"].map(async (signal) =>
              `${(await container.shell(`kill -${signal} $$`)).exitCode}`
            ),
          )).join(" "),
      },
      {
        name: "streams apart",
        act: async ({ container }) => {
          const { stdout, stderr } = await container.shell("echo out; echo err >&2");
          return stdout + stderr;
        },
      },
      {
        name: "a program that is not there",
        act: async ({ container }) => {
          try {
            return `${(await container.exec(["nothing-here"])).exitCode}`;
          } catch {
            return "refused";
          }
        },
      },
      {
        name: "a file that is not executable",
        act: async ({ container }) => {
          try {
            return `${(await container.exec(["/opt/not-executable"])).exitCode}`;
          } catch {
            return "refused";
          }
        },
      },
      {
        name: "much output",
        act: async ({ container }) =>
          `${(await container.shell("head -c 3000000 /dev/zero | tr '\\0' y")).stdout.length}`,
      },
      {
        name: "ten at once",
        act: async ({ container }) =>
          (await Promise.all(
            Array.from({ length: 10 }, async (_, i) =>
              (await container.shell(`sleep 0.2; echo ${i}`)).stdout.trim()),
          )).join(" "),
      },
      {
        name: "what it starts goes on",
        act: async ({ container }) => {
          await container.shell("(sleep 98765 > /dev/null 2>&1 < /dev/null &) ; echo");
          return (await container.shell("pgrep -f 'sleep 98765' | wc -l; pkill -f 'sleep 98765'; true"))
            .stdout;
        },
      },
    ],
  }, {
    name: "PID namespace of the pod",
    pod: { name: "parity-shared", sharePid: true },
    cases: [
      {
        name: "neither is the first",
        script: "test $(cat /proc/1/comm) = sleep && echo sleep; grep -c . /proc/1/comm",
      },
      {
        name: "containers see each other",
        act: async ({ pod, image, nextName, container }) => {
          const other = await pod.run({ name: nextName(), image, command: ["sleep", "424242"] });
          const { stdout } = await container.shell("ps -o args | grep -c '[4]24242'");
          await endNow(other);
          return stdout;
        },
      },
      {
        name: "the end of the first ends its children",
        act: async ({ runToEnd, container }) => {
          const outcome = await runToEnd({ command: ["sh", "-c", "sleep 414141 & sleep 0.5; echo end"] });
          return `${outcome}\n${(await container.shell("ps -o args | grep -c '[4]14141'")).stdout}`;
        },
      },
      { name: "an orphan goes to the pod's first process", script: "probe orphan" },
    ],
  }, {
    name: "PID namespace of the node",
    pod: { name: "parity-node", hostPid: true },
    cases: [
      {
        name: "the host's processes are seen",
        differs: [{
          kinds: ["gvisor", "qemu"],
          instead: { "many": "few" },
          why: "a kernel of its own shows a PID namespace of the pod's own, and no process of the host",
        }],
        script: "test $(ls /proc 2>/dev/null | grep -c '^[0-9]*$') -gt 30 && echo many || echo few",
      },
      {
        name: "the end of the first ends its children",
        act: ({ runToEnd }) => runToEnd({ command: ["sh", "-c", "sleep 1000 & sleep 0.5; echo end"] }),
      },
    ],
  }, {
    name: "PID namespace of another container",
    cases: [{
      name: "it is joined",
      differs: [{
        kinds: ["qemu"],
        instead: { "sleep 1000000": "refused" },
        why:
          "containerd names the target by its pid on the host, which in a VM is one for all containers; the container is refused with its reason",
      }],
      act: joined,
    }],
  }, {
    name: "PID namespace of one of several containers",
    cases: [{
      name: "it is joined",
      differs: [{
        kinds: ["gvisor", "qemu"],
        instead: { "sleep 1000000": "refused" },
        why:
          "containerd names the target by its pid on the host, which in a sandbox with a kernel of its own is one for all containers; the container is refused with its reason",
      }],
      act: async (place) => {
        const other = await place.pod.run({
          name: place.nextName(),
          image: place.image,
          command: ["sleep", "1000"],
        });
        const outcome = await joined(place);
        await endNow(other);
        return outcome;
      },
    }],
  }],
};
