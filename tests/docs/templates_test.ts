import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { DRIVERS } from "../../deploy/drivers.ts";
import { defaultConfig, parseConfig, type TableSchema } from "../../lib/config/mod.ts";
import { SCHEMA as WASM_SCHEMA } from "../../drivers/wasm/config_schema.ts";
import { SANDBOXER_SCHEMA } from "../../services/sandboxer/config.ts";
import { STORAGE_SCHEMA } from "../../services/storage/settings.ts";
import { root } from "../root.ts";

const TEMPLATES = [
  { path: "drivers/wasm/config_wasm.toml", title: "kuasar-driver-wasm.", schema: WASM_SCHEMA },
  { path: "services/sandboxer/sandboxer.toml", title: "kuasar-sandboxer.", schema: SANDBOXER_SCHEMA },
  { path: "services/storage/storage.toml", title: "kuasar-storage.", schema: STORAGE_SCHEMA },
] as const;

/** `KUASAR_UPDATE_DOCS=1 deno test -A tests/docs` writes what is generated. */
const update = Deno.env.get("KUASAR_UPDATE_DOCS") !== undefined;

for (const { path, title, schema } of TEMPLATES) {
  Deno.test(`${path} shows every key with its default`, async () => {
    const wanted = defaultConfig(title, schema);
    if (update) await Deno.writeTextFile(`${root}/${path}`, wanted);
    strictEqual(await Deno.readTextFile(`${root}/${path}`), wanted);
  });

  Deno.test(`${path} changes nothing, with and without its comment signs`, async () => {
    const text = await Deno.readTextFile(`${root}/${path}`);
    const bare = text.replace(/^# (\S+ = )/gm, "$1").replace(/^.* = \.\.\.$/gm, "");
    deepStrictEqual(parseConfig(schema, text), parseConfig(schema, ""));
    deepStrictEqual(parseConfig(schema, bare), parseConfig(schema, ""));
  });
}

for (const { name, folder, configFile } of DRIVERS) {
  Deno.test(`the configuration file of driver ${name} is there and has known keys only`, async () => {
    const { SCHEMA } = await import(`../../drivers/${folder}/config_schema.ts`) as { SCHEMA: TableSchema };
    parseConfig(SCHEMA, await Deno.readTextFile(`${root}/drivers/${folder}/${configFile}`));
  });
}
