import { deepStrictEqual } from "node:assert/strict";
import { root } from "../build/mod.ts";

/** A program that waits for a file of its own making, as often as the watch tells of something. */
const PROGRAM = `
import { exists, watchPath } from "${root}/lib/files/mod.ts";
const dir = Deno.makeTempDirSync();
const watch = watchPath(dir);
setTimeout(() => Deno.writeTextFileSync(dir + "/file", ""), 100);
for await (const _ of watch) if (exists(dir + "/file")) break;
watch.close();
watch.close();
for await (const _ of watch) throw new Error("a closed watch tells of something");
Deno.removeSync(dir, { recursive: true });
console.log("seen");
`;

async function run(...around: string[]): Promise<string> {
  const argv = [...around, Deno.execPath(), "eval", PROGRAM];
  const { stdout, stderr } = await new Deno.Command(argv[0]!, { args: argv.slice(1) }).output();
  return new TextDecoder().decode(stdout) || new TextDecoder().decode(stderr);
}

Deno.test("a new file is seen, and a closed watch ends", async () => {
  deepStrictEqual(await run(), "seen\n");
});

Deno.test("a new file is seen where all inotify instances of the user are taken", async () => {
  const none = 'echo 0 > /proc/sys/user/max_inotify_instances && exec "$@"';
  deepStrictEqual(await run("unshare", "--user", "--map-root-user", "sh", "-c", none, "sh"), "seen\n");
});
