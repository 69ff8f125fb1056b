import { deepStrictEqual, throws } from "node:assert/strict";
import { parseCommandLine, UsageError } from "./command_line.ts";
import { ConfigPanic, readQuarkConfig } from "./config_file.ts";
import { exampleConfig } from "./example_config.ts";

Deno.test("the stand-in for Quark reads the documented command line and no other", () => {
  const line = ["-r", "/b", "sandbox", "--id", "s1", "--task-socket", "/t.sock", "--pid-file", "/p"];
  deepStrictEqual(parseCommandLine(line), {
    kind: "sandbox",
    root: "/b",
    id: "s1",
    taskSocket: "/t.sock",
    pidFile: "/p",
  });
  deepStrictEqual(parseCommandLine(["state", "c1"]), {
    kind: "verb",
    root: "/run/qvisor",
    verb: "state",
    id: "c1",
  });
  const bad = [[], ["-r"], ["events", "c1"], line.slice(0, -2), [...line, "--more", "x"], [
    "sandbox",
    "-r",
    "/b",
  ]];
  for (const args of bad) throws(() => parseCommandLine(args), UsageError, args.join(" "));
});

Deno.test("the stand-in for Quark wants its configuration whole", () => {
  deepStrictEqual(readQuarkConfig(undefined), { sandboxed: false, shimMode: false });
  deepStrictEqual(readQuarkConfig(JSON.stringify(exampleConfig())), { sandboxed: true, shimMode: false });
  for (const key of Object.keys(exampleConfig())) {
    const { [key]: _left, ...rest } = exampleConfig();
    if (key === "Sandboxed") deepStrictEqual(readQuarkConfig(JSON.stringify(rest)).sandboxed, false);
    else throws(() => readQuarkConfig(JSON.stringify(rest)), ConfigPanic, key);
  }
  throws(() => readQuarkConfig("{"), ConfigPanic);
  throws(() => readQuarkConfig(JSON.stringify({ ...exampleConfig(), UringIO: "yes" })), ConfigPanic);
});
