import { deepStrictEqual } from "node:assert/strict";
import { stdioIn } from "./stdio_paths.ts";

Deno.test("the FIFOs of a process lie below its container's bundle, which inside is at the root", () => {
  const paths = { stdin: "", stdout: "/run/fifo/1-stdout", stderr: "/run/fifo/1-stderr", terminal: false };
  deepStrictEqual(stdioIn("/b/c1", "c1", "", paths), {
    fifos: [
      { source: "/run/fifo/1-stdout", target: "/b/c1/stdout" },
      { source: "/run/fifo/1-stderr", target: "/b/c1/stderr" },
    ],
    paths: { stdin: "", stdout: "/c1/stdout", stderr: "/c1/stderr", terminal: false },
  });
});

Deno.test("an exec's are named after it, and a terminal has no stderr", () => {
  const paths = { stdin: "/f/in", stdout: "/f/out", stderr: "/f/err", terminal: true };
  deepStrictEqual(stdioIn("/b/c1", "c1", "e1", paths), {
    fifos: [{ source: "/f/in", target: "/b/c1/e1-stdin" }, { source: "/f/out", target: "/b/c1/e1-stdout" }],
    paths: { stdin: "/c1/e1-stdin", stdout: "/c1/e1-stdout", stderr: "", terminal: true },
  });
});
