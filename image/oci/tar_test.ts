import { deepStrictEqual, throws } from "node:assert/strict";
import type { Entry } from "../entry.ts";
import { tar } from "./tar.ts";

async function listing(archive: Uint8Array): Promise<string[]> {
  const child = new Deno.Command("tar", {
    args: ["-tvf", "-", "--numeric-owner"],
    stdin: "piped",
    stdout: "piped",
    env: { TZ: "UTC" },
  })
    .spawn();
  const writer = child.stdin.getWriter();
  await writer.write(archive as Uint8Array<ArrayBuffer>);
  await writer.close();
  const text = new TextDecoder().decode((await child.output()).stdout);
  return text.trimEnd().split("\n").map((line) => line.replace(/\s+/g, " "));
}

Deno.test("tar(1) of the system reads every kind of entry", async () => {
  const deep = `${"d".repeat(90)}/${"e".repeat(60)}`;
  const entries: Entry[] = [
    { kind: "directory", path: "bin", mode: 0o755, origin: "" },
    { kind: "file", path: "bin/sh", mode: 0o4755, content: new Uint8Array(513), origin: "" },
    { kind: "link", path: "bin/ash", mode: 0o777, target: "sh", origin: "" },
    { kind: "device", path: "null", mode: 0o666, major: 1, minor: 3, origin: "" },
    { kind: "file", path: deep, mode: 0o644, content: new Uint8Array(), origin: "" },
  ];
  deepStrictEqual(await listing(tar(entries)), [
    "drwxr-xr-x 0/0 0 1970-01-01 00:00 bin/",
    "-rwsr-xr-x 0/0 513 1970-01-01 00:00 bin/sh",
    "lrwxrwxrwx 0/0 0 1970-01-01 00:00 bin/ash -> sh",
    "crw-rw-rw- 0/0 1,3 1970-01-01 00:00 null",
    `-rw-r--r-- 0/0 0 1970-01-01 00:00 ${deep}`,
  ]);
});

Deno.test("a path that does not fit is refused", () => {
  throws(
    () => tar([{ kind: "file", path: "x".repeat(101), mode: 0, content: new Uint8Array(), origin: "" }]),
    /too long/,
  );
});
