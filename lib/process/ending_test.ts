import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { fileURLToPath } from "node:url";

const module = new URL("./ending.ts", import.meta.url).href;
const EXIT_OF = { SIGTERM: 143, SIGINT: 130, SIGHUP: 129 } as const;

/** Runs a script that imports all of ending.ts; `talk` is called when it has said `ready`. @returns its lines after that */
async function runScript(
  script: string,
  talk: (child: Deno.ChildProcess) => void,
): Promise<{ code: number; lines: string[] }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", `import { isEnding, onEnding, runCommand } from "${module}";\n${script}`],
    stdout: "piped",
    stderr: "inherit",
    cwd: fileURLToPath(new URL(".", import.meta.url)),
  }).spawn();
  const lines: string[] = [];
  let text = "";
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const complete = text.split("\n");
    text = complete.pop()!;
    for (const line of complete) {
      if (line === "ready") talk(child);
      else lines.push(line);
    }
  }
  const { code, signal } = await child.status;
  return { code: signal ? -1 : code, lines };
}

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  Deno.test(`${signal} has everything undone, also what is begun meanwhile, before the process ends`, async () => {
    const script = `
      const later = (ms, line) => new Promise((done) => setTimeout(() => (console.log(line), done()), ms));
      onEnding(async () => { onEnding(() => later(0, "third")); await later(1, "first"); });
      onEnding(() => Promise.reject(new Error("does not matter")));
      onEnding(() => later(50, "second"));
      const forget = onEnding(() => later(0, "never"));
      forget();
      console.log("ready");
      await new Promise(() => setTimeout(() => {}, 1e9));`;
    const { code, lines } = await runScript(script, (child) => child.kill(signal));
    deepStrictEqual(lines, ["first", "second", "third"]);
    strictEqual(code, EXIT_OF[signal]);
  });
}

Deno.test("a command that fails because it is ended says nothing, and undoes what it has done", async () => {
  const script = `
    const stopped = Promise.withResolvers();
    onEnding(async () => stopped.reject(new Error("no more")));
    await runCommand(async () => {
      try {
        console.log("ready");
        setTimeout(() => {}, 1e9);
        await stopped.promise;
      } finally {
        await new Promise((done) => setTimeout(done, 20));
        console.log(isEnding() ? "undone" : "not asked");
      }
      return 0;
    }, () => console.log("reported"));`;
  const { code, lines } = await runScript(script, (child) => child.kill("SIGTERM"));
  deepStrictEqual(lines, ["undone"]);
  strictEqual(code, 143);
});

Deno.test("a command that fails by itself is reported, and one that succeeds has its own code", async () => {
  const failing = await runScript(
    `await runCommand(() => Promise.reject(new Error("x")), (e) => console.log(e.message));`,
    () => {},
  );
  deepStrictEqual(failing, { code: 1, lines: ["x"] });
  deepStrictEqual(await runScript(`await runCommand(async () => 7, () => {});`, () => {}), {
    code: 7,
    lines: [],
  });
});

Deno.test("what a command has left running when it ends is ended, too", async () => {
  const script = `await runCommand(async () => {
    onEnding(async () => console.log("ended"));
    throw new Error("x");
  }, (e) => console.log(e.message));`;
  deepStrictEqual(await runScript(script, () => {}), { code: 1, lines: ["x", "ended"] });
});

Deno.test("where nothing is to be undone a signal ends the process as ever, and a second one at once", async () => {
  const idle =
    `onEnding(async () => {})(); console.log("ready"); await new Promise(() => setTimeout(() => {}, 1e9));`;
  strictEqual((await runScript(idle, (child) => child.kill("SIGTERM"))).code, -1);
  const stuck = `
    onEnding(() => (console.log("ready"), new Promise(() => {})));
    console.log("ready");
    await new Promise(() => setTimeout(() => {}, 1e9));`;
  strictEqual((await runScript(stuck, (child) => child.kill("SIGTERM"))).code, 143);
});
