import { KuasarError } from "../../lib/errors/mod.ts";
import { resolve } from "node:path";
import { withAdmin } from "./admin.ts";
import type { Command } from "./command.ts";
import { toJson } from "./json.ts";

/** All of a guest's memory is written. */
const TIMEOUT_MS = 600_000;

/** `kuasar-ctl snapshot`. */
export const snapshot: Command = {
  name: "snapshot",
  usage: "snapshot ID DIRECTORY",
  summary: "writes a running VM into an empty directory",
  flags: {},
  examples: [{
    command: "mkdir /srv/snapshot && kuasar-ctl snapshot 3fa9 /srv/snapshot",
    does: "The pod stands still meanwhile and goes on afterwards",
  }],
  async run(input) {
    const [id, path, ...more] = input.positionals;
    if (id === undefined || path === undefined || more.length) {
      throw new KuasarError("INVALID_ARGUMENT", "Cannot go on: expected a sandbox id and a directory");
    }
    const directory = resolve(path);
    await withAdmin(input.runDir, (admin) => admin.snapshot({ id, directory }, { timeoutMs: TIMEOUT_MS }));
    const entries = await Array.fromAsync(Deno.readDir(directory));
    const files = entries.map(({ name }) => name).sort();
    if (input.json) console.log(toJson({ directory, files }));
    else console.log(`${directory}: ${files.join(", ")}`);
    return 0;
  },
};
