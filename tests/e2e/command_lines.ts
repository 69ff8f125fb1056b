/**
 * Looks at the command lines of all processes of this host, which every user of it can read, for as long as `work` goes on.
 *
 * @returns those in which `text` has been seen
 */
export async function commandLinesWith(text: string, work: () => Promise<void>): Promise<string[]> {
  const seen = new Set<string>();
  let done = false;
  const end = work().finally(() => done = true);
  // Once more at the end.
  for (let last = false; !last;) {
    last = done;
    for (const { name } of Deno.readDirSync("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      try {
        const line = Deno.readTextFileSync(`/proc/${name}/cmdline`);
        if (line.includes(text)) seen.add(line.replaceAll("\0", " "));
      } catch {
        // It has ended.
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await end;
  return [...seen];
}
