import { strictEqual, throws } from "node:assert/strict";
import { isInput, stdioOf, streamNameIn } from "./stream_name.ts";

const ADDRESS = "ttrpc+unix:///run/kuasar/task.sock";

Deno.test("a stream's name is found in what containerd gives for stdio, and a path has none", () => {
  strictEqual(streamNameIn(`${ADDRESS}?streaming_id=c0ffee-stdout`), "c0ffee-stdout");
  for (const path of ["", "/run/containerd/fifo/1-stdin", "/odd?streaming_id=c-stdout"]) {
    strictEqual(streamNameIn(path), undefined);
  }
  const stdio = stdioOf(ADDRESS, "c-stdin");
  strictEqual(streamNameIn(stdio), "c-stdin");
});

Deno.test("a name that is no file's, or does not tell what the stream is, is refused", () => {
  for (
    const name of ["", "c", "-stdin", "../c-stdin", "a/b-stdout", "c-stdlog", `${"x".repeat(201)}-stdin`]
  ) {
    throws(() => streamNameIn(`${ADDRESS}?streaming_id=${name}`), /Cannot use .* for a stream/);
  }
});

Deno.test("only stdin goes to the process", () => {
  strictEqual(isInput("c-stdin"), true);
  strictEqual(isInput("c-stdout"), false);
  strictEqual(isInput("c-stdin-stderr"), false);
});
