import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import type { HostContainerd } from "../host/containerd.ts";
import { planDropIn } from "./drop_in.ts";

const FILE = "/etc/containerd/conf.d/kuasar.toml";
const HOST: HostContainerd = {
  unit: "containerd.service",
  program: "/usr/bin/containerd",
  version: "2.1.9",
  configFile: "/etc/containerd/config.toml",
  configVersion: 3,
  merged: { imports: ["/etc/containerd/conf.d/*.toml"] },
  failure: undefined,
};

const plan = (change: Partial<HostContainerd>) => planDropIn({ ...HOST, ...change }, FILE);

Deno.test("a containerd that imports the folder has nothing left to do", () => {
  deepStrictEqual(plan({}), {
    version: 3,
    notes: [`/etc/containerd/config.toml imports ${FILE} already`],
  });
});

Deno.test("a containerd before 2.0, which would not start with it, gets no drop-in", () => {
  for (const version of ["1.6.20", "1.7.24"]) {
    const { version: written, notes } = plan({ version, configVersion: 2 });
    strictEqual(written, undefined);
    match(notes[0]!, new RegExp(`${version}.*not written[^]*shim`));
  }
});

Deno.test("the drop-in has the version of the node's configuration, which would lose its CRI section otherwise", () => {
  for (const configVersion of [1, 2]) {
    const { version, notes } = plan({ configVersion });
    strictEqual(version, 2);
    match(notes.join("\n"), /config migrate/);
  }
});

Deno.test("what the node's configuration lacks is said", () => {
  match(plan({ merged: { imports: [] } }).notes[0]!, /needs the line {2}imports/);
  match(plan({ merged: { imports: ["/etc/containerd/*.toml"] } }).notes[0]!, /needs the line/);
  const none = plan({ configVersion: undefined, merged: undefined });
  strictEqual(none.version, 3);
  match(none.notes[0]!, /to be made, with the lines {2}version = 3/);
  match(planDropIn(undefined, FILE).notes[0]!, /not installed: 2\.0/);
});
