/**
 * What still uses `dir`, one line each: processes with it in their arguments, mounts below or from it, and
 * listening sockets. Empty where all is clean.
 *
 * @param except pids that may, such as the caller's
 */
export function leftovers(dir: string, except: readonly number[] = [Deno.pid]): string[] {
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

/** True where `text` names `dir` itself or something below it, and not another folder with a longer name. */
function mentions(text: string, dir: string): boolean {
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
