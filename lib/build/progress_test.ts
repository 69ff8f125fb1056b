import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { lineCounter, Lines, Progress } from "./progress.ts";

function screen(isTerminal: boolean) {
  const shown: string[] = [];
  let nowMs = 0;
  const now = () => nowMs;
  return {
    shown,
    now,
    after: (ms: number) => nowMs += ms,
    lines: new Lines({ isTerminal, write: (text) => void shown.push(text) }, now),
  };
}

Deno.test("a terminal has one line that moves, below those that stay", () => {
  const { shown, after, lines } = screen(true);
  lines.say("a");
  lines.move("1 %");
  lines.move("2 %");
  after(600);
  lines.move("3 %");
  lines.say("b");
  lines.rest();
  lines.say("c");
  const clear = "\r\x1b[2K";
  deepStrictEqual(shown, ["a\n", `${clear}1 %`, `${clear}3 %`, `${clear}b\n3 %`, clear, "c\n"]);
});

Deno.test("a log has a plain line now and then", () => {
  const { shown, after, lines } = screen(false);
  lines.move("1 %");
  after(29_000);
  lines.move("2 %");
  after(1_000);
  lines.move("3 %");
  lines.rest();
  deepStrictEqual(shown, ["1 %\n", "3 %\n"]);
});

Deno.test("progress tells the share and what is left, and is never done before the step", () => {
  const { shown, now, after, lines } = screen(false);
  const progress = new Progress("kernel compiling", 200, lines, now);
  progress.add(1);
  after(60_000);
  progress.add(19);
  after(180_000);
  progress.add(80);
  after(200_000);
  progress.add(90);
  after(60_000);
  progress.add(50);
  deepStrictEqual(shown, [
    "kernel compiling 0 %\n",
    "kernel compiling 10 %, about 9 min left\n",
    "kernel compiling 50 %, about 4 min left\n",
    "kernel compiling 95 %, about 30 s left\n",
    "kernel compiling 99 %\n",
  ]);
});

Deno.test("lines are counted wherever a stream is cut", () => {
  const bytes = new TextEncoder().encode("  CC      a.o\n  LD      b\n  AS      c.o\n");
  for (let at = 0; at <= bytes.length; at++) {
    const count = lineCounter(/^ {2}(CC|AS) /);
    strictEqual(count(bytes.subarray(0, at)) + count(bytes.subarray(at)), 2);
  }
});
