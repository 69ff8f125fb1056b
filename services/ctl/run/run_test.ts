import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { splitArguments } from "../command.ts";
import { handlerOf, planOf, run, volumeOf } from "./command.ts";
import { CriLog } from "./cri_log.ts";
import { gapBefore } from "./gap.ts";
import { parseFlags } from "../../../lib/service/mod.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test("a log gives back what was written, however it is cut", () => {
  const line = fc.record({
    stream: fc.constantFrom("stdout" as const, "stderr" as const),
    text: fc.string().map((text) => text.replaceAll("\n", "")),
    whole: fc.boolean(),
  });
  fc.assert(fc.property(fc.array(line), fc.integer({ min: 1, max: 40 }), (lines, size) => {
    const all = encode(
      lines.map(({ stream, text, whole }) =>
        `2026-01-02T03:04:05.6Z ${stream} ${whole ? "F" : "P"} ${text}\n`
      )
        .join(""),
    );
    const log = new CriLog();
    const got = { stdout: "", stderr: "" };
    for (let at = 0; at < all.length; at += size) {
      for (const { stream, bytes } of log.push(all.subarray(at, at + size))) got[stream] += decode(bytes);
    }
    for (const name of ["stdout", "stderr"] as const) {
      const wanted = lines.filter(({ stream }) => stream === name);
      strictEqual(got[name], wanted.map(({ text, whole }) => text + (whole ? "\n" : "")).join(""));
    }
  }));
  throws(() => new CriLog().push(encode("no log\n")), { code: "INVALID_ARGUMENT" });
});

Deno.test("a terminal is shown once what the log has of it already", () => {
  const gap = (logged: string, shown: string) => decode(gapBefore(encode(logged), encode(shown)));
  strictEqual(gap("one\ntwo\n", "two\r\n$ "), "one\n");
  strictEqual(gap("one\ntwo\n", "$ "), "one\ntwo\n");
  strictEqual(gap("one\ntwo\n", "one\r\ntwo\r\nthree"), "");
  strictEqual(gap("one\ntwo\n", "two\r"), "one\n");
});

Deno.test("the command line of run ends at the image", () => {
  const split = splitArguments(run.flags, [
    "-it",
    "-e",
    "A=1",
    "--env",
    "B=2",
    "image",
    "sh",
    "-c",
    "--",
    "-i",
  ], run);
  deepStrictEqual(split.positionals, ["image"]);
  deepStrictEqual(split.rest, ["sh", "-c", "--", "-i"]);
  const input = {
    ...split,
    flags: parseFlags(run.flags, split.flagArgs),
    runDir: "/run/kuasar",
    json: false,
  };
  const { container, handler, name } = planOf(input, "/run/kuasar/ctl/run-1");
  deepStrictEqual([handler, name], ["kuasar-qemu", "run-1"]);
  deepStrictEqual(container.args, ["sh", "-c", "--", "-i"]);
  deepStrictEqual(container.env, { A: "1", B: "2" });
  deepStrictEqual([container.tty, container.stdin], [true, true]);
  deepStrictEqual(
    splitArguments(run.flags, ["-ix", "image"], run).flagArgs,
    ["-ix"],
    "which parseFlags refuses",
  );
});

Deno.test("kinds and volumes are named as people name them", () => {
  deepStrictEqual(["clh", "kuasar-gvisor", "runc"].map(handlerOf), [
    "kuasar-clh",
    "kuasar-gvisor",
    "kuasar-runc",
  ]);
  throws(() => handlerOf("docker"), /there are qemu/);
  deepStrictEqual(volumeOf("/a b:/c:ro"), { hostPath: "/a b", containerPath: "/c", readonly: true });
  for (const wrong of ["a:/b", "/a", "/a:b", "/a:/b:x"]) {
    throws(() => volumeOf(wrong), { code: "INVALID_ARGUMENT" });
  }
});
