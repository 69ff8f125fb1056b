import { ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { captureLog, formatLine, logger, setLogLevel, writesToJournal } from "./mod.ts";

Deno.test("a line is logfmt and carries the fields of its logger", () => {
  const lines: string[] = [];
  const undo = captureLog((line) => lines.push(line));
  try {
    logger("network").with({ sandbox: "s1" }).info("Attached the pod", { nics: 2, none: undefined });
    logger("network").debug("not shown");
    setLogLevel("debug");
    logger("network").debug("shown", { error: new Error("a b") });
  } finally {
    setLogLevel("info");
    undo();
  }
  strictEqual(lines.length, 2);
  ok(lines[0]!.endsWith('level=info name=network msg="Attached the pod" sandbox=s1 nics=2\n'), lines[0]!);
  ok(lines[1]!.endsWith('msg=shown error="a b"\n'), lines[1]!);
});

Deno.test("no value breaks out of its line or makes it endless", () => {
  fc.assert(fc.property(fc.anything(), (value) => {
    const line = formatLine({ value });
    strictEqual(line.indexOf("\n"), value === undefined ? line.indexOf("\n") : line.length - 1);
  }));
  ok(formatLine({ value: "x".repeat(1 << 20) }).length < 3000);
});

Deno.test("the journal is told from what has only inherited its variable", () => {
  const stderr = () => ({ dev: 9, ino: 4711 });
  strictEqual(writesToJournal("9:4711", stderr), true);
  for (const stream of ["", "9:4712", "8:4711"]) strictEqual(writesToJournal(stream, stderr), false);
  const closed = () => {
    throw new Deno.errors.NotFound();
  };
  strictEqual(writesToJournal("9:4711", closed), false);
});

Deno.test("in the journal a line has its severity and no time", async () => {
  const program = `const { logger } = await import(${JSON.stringify(import.meta.resolve("./mod.ts"))});
    logger("network").warn("Careful"); logger("network").error("Lost");`;
  const path = await Deno.makeTempFile();
  // A file stands for the journal's socket: what counts is that stderr is the one that the variable names.
  const script = `export JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2); exec "$@"`;
  const { success } = await new Deno.Command("/bin/sh", {
    args: ["-c", `exec 2>"$0"; ${script}`, path, Deno.execPath(), "eval", "--quiet", program],
  }).output();
  const text = await Deno.readTextFile(path);
  await Deno.remove(path);
  strictEqual(text, "<4>level=warn name=network msg=Careful\n<3>level=error name=network msg=Lost\n");
  ok(success);
});
