import { DRIVERS } from "../../deploy/drivers.ts";

/** The pids of the processes whose command and arguments fit. */
export function findProcesses(command: RegExp, argument: string): number[] {
  const found: number[] = [];
  for (const entry of Deno.readDirSync("/proc")) {
    const pid = Number(entry.name);
    if (!Number.isInteger(pid) || pid === Deno.pid) continue;
    try {
      const [comm, args] = [`/proc/${pid}/comm`, `/proc/${pid}/cmdline`].map((p) => Deno.readTextFileSync(p));
      if (command.test(comm!.trim()) && args!.includes(argument)) found.push(pid);
    } catch {
      // ended while we looked
    }
  }
  return found;
}

/** The command of a process, as its thread is named; empty where there is none. */
export function commandOf(pid: number): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/comm`).trim();
  } catch {
    return "";
  }
}

/** The programs of drivers that have one of their own. */
const OWN_PROGRAMS = DRIVERS.flatMap(({ program }) => program?.path.split("/").at(-1) ?? []);

/** Names of what a pod is on the host: a VMM, gVisor's kernel, Quark or what stands in for it. */
const SANDBOXES = new RegExp(
  `(?:^|/)(?:${["qemu[\\w-]*", ...OWN_PROGRAMS, "runsc-sandbox", "quark", "self/exe"].join("|")})$`,
);

/** What stands in for a VMM that cannot run here. */
const STAND_IN = /\/tests\/standins\/\w+\/main\.ts$/;

/** The process that is a pod, where it is one. */
export function findSandboxProcess(podId: string): number | undefined {
  return findProcesses(/./, podId).find((pid) => {
    const args = Deno.readTextFileSync(`/proc/${pid}/cmdline`).split("\0");
    return SANDBOXES.test(args[0] ?? "") || args.some((arg) => STAND_IN.test(arg));
  });
}
