import { gzipSync } from "node:zlib";
import { buildDir, capture, root } from "../../lib/build/mod.ts";
import { buildServices } from "../install/bundle.ts";
import { folders } from "../install/layout.ts";
import type { About } from "./about.ts";
import { debianChangelog } from "./changelog.ts";
import { type DebSpec, writeDeb } from "./deb.ts";
import { guestOrigins } from "./guest_origins.ts";
import { kuasarPackage, PACKAGE_LAYOUT } from "./kuasar.ts";
import { ctlManual } from "./man_page.ts";
import { programsPackage } from "./kuasar_programs.ts";
import { buildShippedPrograms } from "./shipped_programs.ts";

/**
 * Makes both packages from what `deno task setup` has built.
 *
 * @param out folder for them
 * @returns the two files
 * @throws KuasarError where something cannot be had or is not built
 */
export async function buildPackages(about: About, out: string): Promise<string[]> {
  const programs = await buildShippedPrograms();
  const services = await buildServices();
  const guest = await guestOrigins();
  await Deno.mkdir(`${buildDir}/log`, { recursive: true });
  await Deno.mkdir(out, { recursive: true });
  const log = `${buildDir}/log/package.log`;
  await Deno.writeTextFile(log, "");
  const work = await Deno.makeTempDir({ dir: out, prefix: ".work-" });
  try {
    const made = async (name: string, content: string | Uint8Array) => {
      const path = `${work}/${name}`;
      await Deno.writeFile(path, typeof content === "string" ? new TextEncoder().encode(content) : content);
      return path;
    };
    const ctl = `${services}/ctl.mjs`;
    const changes = await Deno.readTextFile(`${root}/CHANGELOG.md`);
    const changelog = (name: string) => made(`${name}.gz`, packed(debianChangelog(name, about, changes)));
    const completion = await capture(Deno.execPath(), [
      "run",
      "-A",
      ctl,
      "completion",
      "bash",
    ]);
    const kuasar = kuasarPackage(about, guest, {
      changelog: await changelog("kuasar"),
      completion: await made("completion", completion),
      manual: await made("manual.gz", packed(await ctlManual(ctl, about.version, about.epochS))),
    });
    const others = programsPackage(about, programs, {
      changelog: await changelog("kuasar-programs"),
      taskUnit: textOf(kuasar, `${folders(PACKAGE_LAYOUT).units}/kuasar-task.service`),
    });
    const files: string[] = [];
    for (const spec of [kuasar, others]) {
      files.push(await writeDeb(spec, { out, work: `${work}/${spec.name}`, log, epochS: about.epochS }));
    }
    return files;
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

const packed = (text: string): Uint8Array => gzipSync(text, { level: 9 });

function textOf({ items }: DebSpec, path: string): string {
  const item = items.find((one) => one.path === path);
  if (item?.kind !== "text") throw new Error(`${path} is no text of the package`);
  return item.text;
}
