import { root } from "../../lib/build/mod.ts";
import { PROGRAMS_PREFIX } from "./shipped_programs.ts";

const FOLDER = `${root}/deploy/package/scripts`;

/**
 * The maintainer scripts of a package, by the names under which dpkg runs them.
 *
 * @param restarted units that may start again at any time
 */
export function maintainerScripts(name: string, restarted: readonly string[] = []): Map<string, string> {
  const values: Readonly<Record<string, string>> = {
    SERVICES: restarted.join(" "),
    PROGRAMS: PROGRAMS_PREFIX,
    PODS: Deno.readTextFileSync(`${FOLDER}/pods.sh`),
  };
  const files = [...Deno.readDirSync(FOLDER)].map((entry) => entry.name).sort();
  return new Map(
    files.filter((file) => file.startsWith(`${name}.`)).map((file) => [
      file.slice(name.length + 1),
      Deno.readTextFileSync(`${FOLDER}/${file}`).replace(/@([A-Z]+)@/g, (_, key) => values[key]!),
    ]),
  );
}
