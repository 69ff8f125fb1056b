import { deepStrictEqual } from "node:assert/strict";
import { DRIVERS } from "../../deploy/drivers.ts";
import { root } from "../root.ts";

/** What every driver has. */
const COMMON = ["config.ts", "config_schema.ts", "deployment.ts", "main.ts"];
/** What a driver of VMs has besides. */
const OF_VMS = ["command_line.ts", "control.ts", "hypervisor.ts", "plan.ts", "version.ts"];
/** What a driver without VMs has besides. */
const OF_OTHERS = ["kind.ts"];

/** Sections of drivers/README.md on files of other folders than a driver's, and these folders. */
const SHARED: Readonly<Record<string, readonly string[]>> = {
  "What VM drivers share": ["", "vm/", "qmp/", "rest/"].map((folder) => `contract/${folder}`),
  "Sandboxes without a kernel of their own": ["contract/host/"],
};

/** The source files of a folder, without what is below it. */
function sourcesIn(folder: string): string[] {
  return [...Deno.readDirSync(`${root}/drivers/${folder}`)]
    .map(({ name }) => name)
    .filter((name) => name.endsWith(".ts") && !name.endsWith("_test.ts"))
    .sort();
}

/** The files that the tables of drivers/README.md name, by section. */
async function namedInReadme(): Promise<Map<string, string[]>> {
  const sections = (await Deno.readTextFile(`${root}/drivers/README.md`)).split(/^## /m).slice(1);
  return new Map(sections.map((section) => {
    const cells = [...section.matchAll(/^\| (`.*?)\|/gm)].map(([, cell]) => cell!);
    const names = cells.flatMap((cell) => [...cell.matchAll(/`([\w/]+\.ts)`/g)].map(([, name]) => name!));
    return [section.slice(0, section.indexOf("\n")), names.sort()];
  }));
}

Deno.test("every driver has the files that all have", () => {
  const missing = DRIVERS.flatMap(({ folder, vm }) => {
    const there = sourcesIn(folder);
    return [...COMMON, ...(vm ? OF_VMS : OF_OTHERS)].filter((name) => !there.includes(name)).map((name) =>
      `${folder}/${name}`
    );
  });
  deepStrictEqual(missing, []);
});

Deno.test("drivers/README.md tells of every file what it is for, and of no other", async () => {
  const named = await namedInReadme();
  const byFolder = new Map(
    [...named].map(([title, names]) => [title.toLowerCase().replace(" ", "_"), names]),
  );
  for (const { folder } of DRIVERS) deepStrictEqual(byFolder.get(folder), sourcesIn(folder), folder);
  for (const [title, folders] of Object.entries(SHARED)) {
    const strip = folders[0]!.length;
    const there = folders.flatMap((folder) => sourcesIn(folder).map((name) => folder.slice(strip) + name));
    deepStrictEqual(named.get(title), there.sort(), title);
  }
});
