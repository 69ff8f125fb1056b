import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { type Action, install } from "./install.ts";
import type { Item } from "./item.ts";
import { launcher } from "./launcher.ts";
import { checkLayout, DEFAULT_LAYOUT, type Layout, relocate, relocateConfig } from "./layout.ts";
import { uninstall } from "./uninstall.ts";

const ITEMS: readonly Item[] = [
  { kind: "text", path: "/usr/local/lib/kuasar/program", mode: 0o755, text: "#!/bin/sh\n" },
  { kind: "link", path: "/usr/local/bin/kuasar-task", target: "../lib/kuasar/program" },
  { kind: "text", path: "/var/lib/kuasar/a.toml", mode: 0o644, text: "# default\n", config: true },
  { kind: "folder", path: "/var/lib/kuasar/a.toml.d" },
];

/** Runs a test on an empty staging folder. */
async function inStaging(run: (layout: Layout) => void): Promise<void> {
  const destDir = await Deno.makeTempDir({ prefix: "ki-" });
  try {
    run({ ...DEFAULT_LAYOUT, destDir });
  } finally {
    await Deno.remove(destDir, { recursive: true });
  }
}

/** Collects what is told. */
function recorder() {
  const actions: Action[] = [];
  return {
    actions,
    say: (action: Action) => void actions.push(action),
    verbs: () => actions.map(({ verb }) => verb),
  };
}

const quiet = { say: () => {} };
const withText = (path: string, text: string): Item[] =>
  ITEMS.map((item) => item.kind === "text" && item.path === path ? { ...item, text } : item);

function tree(dir: string): string[] {
  return [...Deno.readDirSync(dir)].flatMap(({ name, isDirectory }) => [
    `${dir}/${name}`,
    ...isDirectory ? tree(`${dir}/${name}`) : [],
  ]);
}

Deno.test("a second installation changes nothing, and uninstalling leaves nothing", () =>
  inStaging((layout) => {
    strictEqual(install(layout, ITEMS, quiet), 3);
    const program = `${layout.destDir}/usr/local/lib/kuasar/program`;
    strictEqual(Deno.statSync(program).mode! & 0o777, 0o755);
    strictEqual(Deno.readTextFileSync(`${layout.destDir}/usr/local/bin/kuasar-task`), "#!/bin/sh\n");
    ok(Deno.statSync(`${layout.destDir}/var/lib/kuasar/a.toml.d`).isDirectory);
    const again = recorder();
    strictEqual(install(layout, ITEMS, again), 0);
    deepStrictEqual(again.actions, []);
    uninstall(layout, quiet);
    deepStrictEqual(tree(layout.destDir), []);
  }));

Deno.test("a dry run tells the same and does nothing", () =>
  inStaging((layout) => {
    const dry = recorder();
    strictEqual(install(layout, ITEMS, { ...dry, dryRun: true }), 3);
    deepStrictEqual(tree(layout.destDir), []);
    const real = recorder();
    install(layout, ITEMS, real);
    deepStrictEqual(dry.actions, real.actions);
    const before = tree(layout.destDir);
    strictEqual(uninstall(layout, { ...quiet, dryRun: true }), 3);
    deepStrictEqual(tree(layout.destDir), before);
  }));

Deno.test("an upgrade replaces what nobody has changed, and keeps a changed configuration", () =>
  inStaging((layout) => {
    const config = "/var/lib/kuasar/a.toml";
    const at = (path: string) => layout.destDir + path;
    install(layout, ITEMS, quiet);
    install(layout, withText(config, "# newer\n"), quiet);
    strictEqual(Deno.readTextFileSync(at(config)), "# newer\n");

    Deno.writeTextFileSync(at(config), "mine = true\n");
    const upgrade = recorder();
    install(layout, withText(config, "# newest\n"), upgrade);
    deepStrictEqual(upgrade.verbs(), ["keep"]);
    match(upgrade.actions[0]!.why!, /a\.toml\.new/);
    strictEqual(Deno.readTextFileSync(at(config)), "mine = true\n");
    strictEqual(Deno.readTextFileSync(at(`${config}.new`)), "# newest\n");

    uninstall(layout, quiet);
    deepStrictEqual(tree(layout.destDir).filter((path) => path.endsWith(".toml")), [at(config)]);
  }));

Deno.test("what the services have left goes with them", () =>
  inStaging((layout) => {
    install(layout, ITEMS, quiet);
    for (const folder of ["/var/lib/kuasar/wasm/3fa9", "/var/cache/kuasar/gen", "/run/kuasar/storage"]) {
      Deno.mkdirSync(layout.destDir + folder, { recursive: true });
      Deno.writeTextFileSync(`${layout.destDir}${folder}/state.db`, "");
    }
    uninstall(layout, quiet);
    deepStrictEqual(tree(layout.destDir).filter((path) => path.includes("kuasar")), []);
  }));

Deno.test("purging removes a changed configuration too, and drop-ins", () =>
  inStaging((layout) => {
    install(layout, ITEMS, quiet);
    for (const file of ["a.toml", "a.toml.d/50-mine.toml"]) {
      Deno.writeTextFileSync(`${layout.destDir}/var/lib/kuasar/${file}`, "mine = true\n");
    }
    uninstall(layout, { ...quiet, purge: true });
    deepStrictEqual(tree(layout.destDir), []);
  }));

Deno.test("what a new version no longer has goes, and other people's files stay", () =>
  inStaging((layout) => {
    install(layout, ITEMS, quiet);
    const others = `${layout.destDir}/usr/local/bin/others`;
    Deno.writeTextFileSync(others, "");
    const upgrade = recorder();
    install(layout, ITEMS.slice(0, 1), upgrade);
    deepStrictEqual(upgrade.verbs(), ["remove", "remove"]);
    uninstall(layout, quiet);
    deepStrictEqual(tree(layout.destDir).filter((path) => path.endsWith("others")), [others]);
  }));

Deno.test("what is in the way is not overwritten, and what is not installed is not removed", () =>
  inStaging((layout) => {
    throws(() => uninstall(layout, quiet), { code: "NOT_FOUND" });
    Deno.mkdirSync(`${layout.destDir}/usr/local/bin/kuasar-task`, { recursive: true });
    throws(() => install(layout, ITEMS, quiet), { code: "FAILED_PRECONDITION" });
  }));

Deno.test("texts are moved to another layout, each folder once", () => {
  const layout = {
    ...DEFAULT_LAYOUT,
    prefix: "/var/lib/kuasar",
    configDir: "/etc/k",
    dataDir: "/usr/lib/k",
    stateDir: "/srv/k",
    runDir: "/run/k2",
  };
  strictEqual(
    relocate(
      "ExecStart=/usr/local/bin/kuasar-x --run-dir /run/kuasar --config /var/lib/kuasar/a-b.toml /run/kuasar2",
      layout,
    ),
    "ExecStart=/var/lib/kuasar/bin/kuasar-x --run-dir /run/k2 --config /etc/k/a-b.toml /run/kuasar2",
  );
  strictEqual(
    relocate(
      `q = "/usr/local/bin/quark"\nk = "/var/lib/kuasar/vmlinuz"\nw = "/var/lib/kuasar/wasm"\nd = "/var/lib/kuasar"`,
      layout,
    ),
    `q = "/usr/local/bin/quark"\nk = "/usr/lib/k/vmlinuz"\nw = "/srv/k/wasm"\nd = "/srv/k"`,
  );
});

Deno.test("a default that is only told in a configuration file is said where it has moved", () => {
  const text = `# the program (string)\n# path = "/usr/local/lib/kuasar/agent"\n\n# size = 4\n`;
  strictEqual(relocateConfig(text, DEFAULT_LAYOUT), text);
  strictEqual(
    relocateConfig(text, { ...DEFAULT_LAYOUT, prefix: "/usr" }),
    `# the program (string)\npath = "/usr/lib/kuasar/agent"\n\n# size = 4\n`,
  );
});

Deno.test("folders that a unit or a shell would read otherwise are refused", () => {
  for (const prefix of ["usr", "/a b", "/a$x", "/a/../b", "/a%h", ""]) {
    throws(() => checkLayout({ ...DEFAULT_LAYOUT, prefix }), { code: "INVALID_ARGUMENT" }, prefix);
  }
  checkLayout(DEFAULT_LAYOUT);
});

Deno.test("a launcher becomes the program with all its arguments", () => {
  match(
    launcher("/lib/k", "network", "/cache"),
    /\nexec \/lib\/k\/deno run .* \/lib\/k\/network\.mjs "\$@"\n$/,
  );
  match(
    launcher("/lib/k", "sandboxer", "/cache"),
    /\nexec \/lib\/k\/agent kuasar-greeter sandboxer \/lib\/k\/deno run .* \/lib\/k\/sandboxer\.mjs "\$@"\n$/,
  );
});
