import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { cpio } from "./cpio.ts";
import type { Entry } from "./entry.ts";

/** An independent reader of the format, for the round trip. */
function read(
  bytes: Uint8Array,
): { path: string; mode: number; content: Uint8Array; rdev: [number, number] }[] {
  const text = (from: number, to: number) => new TextDecoder().decode(bytes.subarray(from, to));
  const members = [];
  for (let at = 0;;) {
    strictEqual(text(at, at + 6), "070701");
    const field = (n: number) => parseInt(text(at + 6 + n * 8, at + 14 + n * 8), 16);
    const name = text(at + 110, at + 110 + field(11) - 1);
    const start = at + 4 * Math.ceil((110 + field(11)) / 4);
    if (name === "TRAILER!!!") return members;
    const content = bytes.slice(start, start + field(6));
    members.push({ path: name, mode: field(1), content, rdev: [field(9), field(10)] as [number, number] });
    at = start + 4 * Math.ceil(field(6) / 4);
  }
}

const file = fc.record({
  kind: fc.constant("file" as const),
  path: fc.stringMatching(/^[a-z0-9._]{1,40}$/),
  mode: fc.integer({ min: 0, max: 0o7777 }),
  origin: fc.constant("test"),
  content: fc.uint8Array({ maxLength: 100 }),
});

Deno.test("whatever is written is read back", () => {
  fc.assert(fc.property(fc.array(file), (entries) => {
    const back = read(cpio(entries));
    deepStrictEqual(
      back.map((m) => [m.path, m.mode & 0o7777, m.content]),
      entries.map((e) => [e.path, e.mode, e.content]),
    );
  }));
});

Deno.test("every kind of entry has its type bits", () => {
  const entries: Entry[] = [
    { kind: "directory", path: "dev", mode: 0o755, origin: "" },
    { kind: "device", path: "dev/console", mode: 0o600, major: 5, minor: 1, origin: "" },
    { kind: "link", path: "init", mode: 0o777, target: "sbin/init", origin: "" },
  ];
  const back = read(cpio(entries));
  deepStrictEqual(back.map((m) => m.mode.toString(8)), ["40755", "20600", "120777"]);
  deepStrictEqual(back[1]!.rdev, [5, 1]);
  strictEqual(new TextDecoder().decode(back[2]!.content), "sbin/init");
});

Deno.test("cpio(1) of the system agrees", async () => {
  const has = await new Deno.Command("sh", { args: ["-c", "command -v cpio"] }).output();
  if (!has.success) return console.log("skipped: no cpio on this machine");
  const archive = cpio([{
    kind: "file",
    path: "hello",
    mode: 0o644,
    content: new TextEncoder().encode("hi\n"),
    origin: "",
  }]);
  const child = new Deno.Command("cpio", { args: ["-t", "--quiet"], stdin: "piped", stdout: "piped" })
    .spawn();
  const writer = child.stdin.getWriter();
  await writer.write(archive);
  await writer.close();
  strictEqual(new TextDecoder().decode((await child.output()).stdout), "hello\n");
});
