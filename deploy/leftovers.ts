/**
 * What still uses `dir`, one line each: processes with it in their arguments, mounts below or from it, and
 * listening sockets. Empty where all is clean.
 *
 * @param except pids that may: unless given, the caller's and those of who started it, down to a shell
 */
export function leftovers(dir: string, except: readonly number[] = withAncestors(Deno.pid)): string[] {
  const lines: string[] = [];
  for (const entry of Deno.readDirSync("/proc")) {
    const pid = Number(entry.name);
    if (!Number.isInteger(pid) || except.includes(pid)) continue;
    const args = read(`/proc/${pid}/cmdline`).split("\0");
    if (args.some((arg) => mentions(arg, dir))) lines.push(`process ${pid}: ${args.join(" ").trim()}`);
  }
  for (const line of read("/proc/self/mountinfo").split("\n")) {
    if (mentions(line, dir)) lines.push(`mount: ${line.split(" ")[4]}`);
  }
  for (const line of read("/proc/net/unix").split("\n")) {
    const path = line.split(" ").at(-1)!;
    if (mentions(path, dir)) lines.push(`socket: ${path}`);
  }
  return lines;
}

/** A process and all above it (proc_pid_stat(5): the parent is the second field behind the name in parentheses). */
function withAncestors(pid: number): number[] {
  const pids: number[] = [];
  for (let at = pid; at > 0 && !pids.includes(at);) {
    pids.push(at);
    const stat = read(`/proc/${at}/stat`);
    at = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1] ?? 0);
  }
  return pids;
}

/** True where `text` names `dir` itself or something below it, and not another folder with a longer name. */
export function mentions(text: string, dir: string): boolean {
  for (let at = text.indexOf(dir); at >= 0; at = text.indexOf(dir, at + 1)) {
    const next = text[at + dir.length];
    if (next === undefined || !/[A-Za-z0-9_.-]/.test(next)) return true;
  }
  return false;
}

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
