import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { capture } from "../../lib/build/mod.ts";
import { config, copy, text } from "./items.ts";
import { type DebSpec, writeDeb } from "./deb.ts";

async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a package has its files as root's, its configuration named, and the same bytes whoever makes it", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/source`, "x".repeat(2000), { mode: 0o600 });
    const items = [
      copy("/usr/bin/tool", `${folder}/source`, 0o755),
      text("/usr/share/doc/tool/copyright", "free\n"),
      config("/etc/tool.toml", "a = 1\n"),
      { kind: "folder", path: "/etc/tool.toml.d" },
      { kind: "link", path: "/usr/bin/alias", target: "tool" },
    ] as const;
    const spec: DebSpec = {
      name: "tool",
      version: "1.0",
      architecture: "amd64",
      fields: { Maintainer: "A B <a@b.example>", Description: "a tool\n of two lines" },
      items,
      scripts: new Map([["postinst", "#!/bin/sh\n"]]),
      triggeredBy: "/usr/lib/other",
    };
    const make = async (out: string, umask: number, made: DebSpec) => {
      await Deno.mkdir(`${folder}/${out}`);
      const before = Deno.umask(umask);
      try {
        return await writeDeb(made, {
          out: `${folder}/${out}`,
          work: `${folder}/${out}/work`,
          log: `${folder}/log`,
          epochS: 1_700_000_000,
        });
      } finally {
        Deno.umask(before);
      }
    };
    const file = await make("one", 0o022, spec);
    const other = await make("two", 0o077, { ...spec, items: [...items].reverse() });
    deepStrictEqual(await Deno.readFile(other), await Deno.readFile(file));
    strictEqual(file, `${folder}/one/tool_1.0_amd64.deb`);
    deepStrictEqual([...Deno.readDirSync(`${folder}/one`)].map(({ name }) => name), ["tool_1.0_amd64.deb"]);
    const listed = await capture("dpkg-deb", ["--contents", file], { TZ: "UTC" });
    match(listed, /^drwxr-xr-x root\/root +0 2023-11-14 22:13 \.\/etc\/tool\.toml\.d\/$/m);
    match(listed, /^-rwxr-xr-x root\/root +2000 2023-11-14 22:13 \.\/usr\/bin\/tool$/m);
    match(listed, / \.\/usr\/bin\/alias -> tool$/m);
    strictEqual(await capture("dpkg-deb", ["--info", file, "conffiles"]), "/etc/tool.toml\n");
    strictEqual(await capture("dpkg-deb", ["--info", file, "triggers"]), "interest-noawait /usr/lib/other\n");
    const control = await capture("dpkg-deb", ["--info", file, "control"]);
    match(control, /^Package: tool\nVersion: 1\.0\nArchitecture: amd64\nInstalled-Size: \d+\n/);
    match(control, /\nDescription: a tool\n of two lines\n$/);
    const sums = await capture("dpkg-deb", ["--info", file, "md5sums"]);
    deepStrictEqual(sums.trim().split("\n").map((line) => line.split("  ")[1]), [
      "etc/tool.toml",
      "usr/bin/tool",
      "usr/share/doc/tool/copyright",
    ]);
  }));
