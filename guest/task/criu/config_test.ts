import { strictEqual } from "node:assert/strict";
import { dumpConfig, restoreConfig, type StdioKeys } from "./config.ts";

const keys: StdioKeys = [["file[1b:1]"], ["file[1b:2]", "file[2c:2]"], ["file[1b:2]"]];

Deno.test("stdio are external in a dump, each file once", () => {
  strictEqual(
    dumpConfig({ keys, openTcp: false }),
    "external file[1b:1]\nexternal file[1b:2]\nexternal file[2c:2]\nnetwork-lock skip\n",
  );
});

Deno.test("a restore takes them from the runtime's own descriptors", () => {
  strictEqual(
    restoreConfig({ keys, openTcp: true }),
    "inherit-fd fd[0]:file[1b:1]\ninherit-fd fd[1]:file[1b:2]\ninherit-fd fd[1]:file[2c:2]\ninherit-fd fd[2]:file[1b:2]\n",
  );
});

Deno.test("a terminal has no names, and a checkpoint with connections leaves the lock to the host's configuration", () => {
  strictEqual(dumpConfig({ keys: [[], [], []], openTcp: true }), "");
});
