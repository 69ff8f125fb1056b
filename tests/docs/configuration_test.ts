import { strictEqual } from "node:assert/strict";
import { DRIVERS } from "../../deploy/drivers.ts";
import { type ConfigKey, configKeys, type TableSchema } from "../../lib/config/mod.ts";
import { SANDBOXER_SCHEMA } from "../../services/sandboxer/config.ts";
import { STORAGE_SCHEMA } from "../../services/storage/settings.ts";
import { root } from "../root.ts";
import { formatted } from "./formatted.ts";

const PAGE = `${root}/docs/configuration.md`;
/** What stands behind this line is generated. */
const MARK = /^<!-- What follows is generated .*-->\n/m;
/** Keys that have no meaning here but stand in files that were written for Kuasar. */
const WITHOUT_EFFECT = "accepted, so that Kuasar's files work; no effect";

interface Section {
  title: string;
  file: string;
  schema: TableSchema;
}

async function sections(): Promise<Section[]> {
  const drivers = await Promise.all(DRIVERS.map(async ({ name, folder, configFile }) => {
    const { SCHEMA } = await import(`../../drivers/${folder}/config_schema.ts`) as { SCHEMA: TableSchema };
    return { title: `kuasar-driver-${name}`, file: configFile, schema: SCHEMA };
  }));
  return [
    { title: "kuasar-sandboxer", file: "sandboxer.toml", schema: SANDBOXER_SCHEMA },
    { title: "kuasar-storage", file: "storage.toml", schema: STORAGE_SCHEMA },
    ...drivers,
  ];
}

/** A cell of a table: its bars are no borders. */
const cell = (text: string) => text.replaceAll("|", "\\|");

function row({ path, type, value, help }: ConfigKey): string {
  const shown = value === undefined ? "" : `\`${cell(value)}\``;
  return `| \`${path}\` | ${cell(type)} | ${shown} | ${cell(help || WITHOUT_EFFECT)} |`;
}

function section({ title, file, schema }: Section): string {
  const rows = configKeys(schema).map(row);
  return `\n## ${title}\n\n\`${file}\`\n\n| key | type | default | meaning |\n| --- | --- | --- | --- |\n${
    rows.join("\n")
  }\n`;
}

Deno.test("docs/configuration.md lists every key of every service and driver with its default", async () => {
  const page = await Deno.readTextFile(PAGE);
  const mark = MARK.exec(page);
  if (!mark) throw new Error(`${PAGE} has lost the line that begins its generated part`);
  const fixed = page.slice(0, mark.index) + mark[0];
  const wanted = await formatted(fixed + (await sections()).map(section).join(""));
  if (Deno.env.get("KUASAR_UPDATE_DOCS") !== undefined) await Deno.writeTextFile(PAGE, wanted);
  const found = await Deno.readTextFile(PAGE);
  strictEqual(found, wanted, "out of date: KUASAR_UPDATE_DOCS=1 deno test -A tests/docs writes it");
});
