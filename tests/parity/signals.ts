import type { Area, Place } from "./case.ts";

/** Runs a program, has containerd stop it, and tells how it has ended. */
async function stopped(
  { pod, image, nextName }: Place,
  command: string,
  graceSeconds: number,
): Promise<string> {
  const container = await pod.run({
    name: nextName(),
    image,
    command: ["sh", "-c", `echo ready; ${command}`],
  });
  await container.waitForLog("ready");
  // containerd does not stop well what is just ending, with its own shim neither.
  if (command.startsWith("exit")) await container.waitForExit();
  await container.stop(graceSeconds);
  const { exitCode, reason } = await container.waitForExit();
  const lines = await container.logLines();
  await container.remove();
  return [...lines, `ended: ${exitCode} ${reason}`].join("\n");
}

const UNSHIELDED =
  "gVisor's kernel does not shield the first process of a PID namespace from signals that it does not handle";

/** Sends a signal to a container's first process from within, and tells what has become of it. */
async function toFirst({ pod, image, nextName }: Place, signal: string): Promise<string> {
  const container = await pod.run({ name: nextName(), image, command: ["sleep", "1000000"] });
  const state = "sed -n 's/^State:.\\([A-Z]\\).*/\\1/p' /proc/1/status";
  const seen = await container.shell(`kill -${signal} 1; sleep 0.5; ${state}`).catch(() => undefined);
  // An exec ends with its container.
  const outcome = seen?.exitCode === 0 ? `runs: ${seen.stdout}` : "has ended";
  await container.stop(0);
  await container.waitForExit();
  await container.remove();
  return outcome;
}

export const signals: Area = {
  name: "signals",
  groups: [{
    name: "calls",
    cases: [
      { name: "every signal is caught", script: "probe handled" },
      { name: "queued with a value", script: "probe queued" },
      { name: "signalfd", script: "probe signalfd" },
      { name: "stop and continue", script: "probe stopping" },
      { name: "faults of a program", script: "probe faults" },
      { name: "what an exec inherits", script: "probe inherited" },
      { name: "timers and events", script: "probe timers" },
    ],
  }, {
    name: "shell",
    cases: [
      {
        name: "exit codes of killed children",
        script:
          'for s in HUP INT QUIT ABRT KILL USR1 SEGV PIPE ALRM TERM; do sh -c "kill -$s \\$\\$" > /dev/null 2>&1; echo $s $?; done',
      },
      { name: "a trap", script: "sh -c 'trap \"echo caught; exit 9\" TERM; kill $$; sleep 10'; echo $?" },
      {
        name: "an ignored signal is inherited",
        script: 'sh -c \'trap "" TERM; sh -c "kill \\$\\$; echo alive"\'',
      },
      { name: "to everybody", script: "sleep 1000 & sleep 1000 & kill -TERM -1; wait; jobs | wc -l" },
      { name: "to nobody", script: "kill -0 99999; echo $?; kill -0 1; echo $?; kill -99 1; echo $?" },
      { name: "timeout", script: "timeout 1 sleep 10; echo $?; timeout -s KILL 1 sleep 10; echo $?" },
      { name: "a group", script: "setsid sh -c 'sleep 1000 & sleep 1000 & kill -TERM 0; wait' ; echo $?" },
    ],
  }, {
    name: "to the first process, from within",
    cases: ["TERM", "INT", "KILL", "STOP"].map((signal) => ({
      name: `SIG${signal}`,
      act: (place: Place) => toFirst(place, signal),
      differs: [{
        kinds: ["gvisor"] as const,
        instead: signal === "STOP" ? { "runs: S": "runs: T" } : { "*": "has ended" },
        why: UNSHIELDED,
      }],
    })),
  }, {
    name: "stop",
    cases: [
      {
        name: "a handler ends it",
        act: (place) => stopped(place, "trap 'echo caught; exit 3' TERM; while :; do sleep 0.1; done", 60),
      },
      {
        name: "nothing handles it",
        differs: [{
          kinds: ["gvisor"],
          instead: { "ended: 137 Error": "ended: 143 Error" },
          why:
            "gVisor's kernel does not shield the first process of a PID namespace from signals that it does not handle",
        }],
        act: (place) => stopped(place, "exec sleep 1000", 1),
      },
      {
        name: "it is ignored",
        act: (place) => stopped(place, "trap '' TERM; while :; do sleep 0.1; done", 1),
      },
      {
        name: "no time to end",
        act: (place) => stopped(place, "trap 'echo caught; exit 3' TERM; while :; do sleep 0.1; done", 0),
      },
      { name: "of one that has ended", act: (place) => stopped(place, "exit 4", 5) },
      {
        name: "children are told nothing",
        act: (place) =>
          stopped(
            place,
            "(trap 'echo child' TERM; while :; do sleep 0.1; done) & trap 'echo parent; exit 0' TERM; while :; do sleep 0.1; done",
            60,
          ),
      },
    ],
  }],
};
