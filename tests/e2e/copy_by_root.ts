import { type CommandResult, runCommandLine } from "../harness/command_line.ts";

/** The pid that containerd tells its clients of a task. */
export async function toldPid(ctr: { run(args: readonly string[]): Promise<CommandResult> }, id: string) {
  const { stdout } = await ctr.run(["tasks", "ls"]);
  return Number(stdout.split("\n").map((line) => line.split(/\s+/)).find(([task]) => task === id)?.[1]);
}

/** Copies a file as `nerdctl cp` does: an archive is written and read below the root of a process. */
async function copy(from: string, name: string, to: string): Promise<CommandResult> {
  const script = 'tar -cf - -C "$1" "$2" | tar -xf - -C "$3"';
  return await runCommandLine(["bash", "-o", "pipefail", "-c", script, "copy", from, name, to], {});
}

/** Out of what a client takes for the root of a container. */
export function copyOut(pid: number, dir: string, name: string, to: string): Promise<CommandResult> {
  return copy(`/proc/${pid}/root${dir}`, name, to);
}

/** Into it. */
export function copyIn(from: string, name: string, pid: number, dir: string): Promise<CommandResult> {
  return copy(from, name, `/proc/${pid}/root${dir}`);
}
