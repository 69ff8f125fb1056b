/** The commands of deno.json tell what they do, and refuse what they do not know in a sentence, before they do anything. */
import { match, strictEqual } from "node:assert/strict";
import { root } from "./root.ts";

/** What developers of this project call, without flags. */
const WITHOUT_FLAGS = ["check", "proto", "runtime-classes"];

interface Task {
  name: string;
  args: string[];
}

function tasks(): Task[] {
  const { tasks } = JSON.parse(Deno.readTextFileSync(`${root}/deno.json`)) as {
    tasks: Record<string, { command: string }>;
  };
  return Object.entries(tasks)
    .filter(([name]) => !WITHOUT_FLAGS.includes(name))
    .map(([name, { command }]) => ({ name, args: command.split(" ").slice(1) }));
}

async function call({ args: [run, ...args] }: Task, flag: string) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [run!, "--no-check", "--quiet", ...args, flag],
    cwd: root,
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

for (const task of tasks()) {
  Deno.test(`deno task ${task.name} has a help, and refuses flags that it does not have`, async () => {
    const help = await call(task, "--help");
    strictEqual(help.code, 0, help.stderr);
    match(help.stdout, /^Usage:/m);
    const refused = await call(task, "--no-such-flag");
    strictEqual(refused.code, 2, refused.stderr);
    // One line, or one and how to get help: no stack.
    match(refused.stderr, /^[^\n]*--no-such-flag[^\n]*\n(?:[^\n]*--help[^\n]*\n)?$/);
  });
}
