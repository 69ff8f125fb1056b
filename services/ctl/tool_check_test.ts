import { match, strictEqual } from "node:assert/strict";
import { TOOLS } from "../../deploy/host/mod.ts";
import { checkTool, versionOf } from "./tool_check.ts";

Deno.test("a program that tells of itself that it does not work is said to be absent, where no pod needs it", async () => {
  const prefix = await Deno.makeTempDir();
  const tool = TOOLS.find(({ key }) => key === "criu")!;
  const path = `${prefix}/${tool.path}`;
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  const write = (code: number) =>
    Deno.writeTextFile(
      path,
      `#!/bin/sh\n[ "$1" = --version ] && echo Version: 4.1.1 && exit 0\necho "Error: no memory tracking" >&2\nexit ${code}\n`,
      { mode: 0o700 },
    );
  await write(1);
  const broken = await checkTool(tool, prefix);
  strictEqual(broken.verdict, "absent");
  match(broken.detail, /4\.1\.1 at .* does not work here: Error: no memory tracking/);
  await write(0);
  strictEqual((await checkTool(tool, prefix)).verdict, "ok");
  await Deno.remove(prefix, { recursive: true });
});

Deno.test("a program that does not answer in time is no program without a version", async () => {
  const slow = await versionOf("/bin/sh", ["-c", "echo 1.2.3; exec sleep 300"], 200);
  strictEqual(slow, "? (no answer to `-c echo 1.2.3; exec sleep 300` within 200 ms)");
  strictEqual(await versionOf("/bin/sh", ["-c", "echo 1.2.3"]), "1.2.3");
  strictEqual(await versionOf("/nonexistent", []), undefined);
});
