/**
 * Builds the guest's root file system, as an initrd and as a read-only disk image: `deno run -A image/build.ts`.
 */
import { hostTools } from "../deploy/host/mod.ts";
import { buildAgent } from "../guest/build.ts";
import { buildDir, root, step } from "../lib/build/mod.ts";
import { cpio } from "./cpio.ts";
import { crunEntries } from "./crun.ts";
import { writeErofs } from "./erofs.ts";
import { lz4Legacy } from "./lz4.ts";
import { manifest } from "./manifest.ts";
import { guestTree } from "./tree.ts";

/** The files of this folder that make the image; tests and the container images do not. */
const SOURCES = ["build", "cpio", "crun", "entry", "erofs", "lz4", "manifest", "tree", "write_tree"];

/** The version that the host programs' record has for a package. */
async function hostVersion(name: string): Promise<string> {
  const versions: Record<string, string> = JSON.parse(
    await Deno.readTextFile(`${buildDir}/host/versions.json`),
  );
  return `${name} ${versions[name] ?? "unknown"}`;
}

/**
 * Builds `kuasar.initrd`, `kuasar.img` and `manifest.json`. Needs the host programs and the agent.
 *
 * @returns the directory with the three files
 */
export async function buildImage(): Promise<string> {
  const agent = await buildAgent();
  const busybox = hostTools().busyboxStatic;
  return await step({
    name: "image",
    output: "image",
    inputs: [agent, busybox, ...SOURCES.map((name) => `${root}/image/${name}.ts`)].map((path) => ({ path })),
    run: async ({ out, log }) => {
      const parts = {
        agent: await Deno.readFile(agent),
        busybox: { content: await Deno.readFile(busybox), origin: await hostVersion("busybox-static") },
        crun: await crunEntries(`${out}/packages`, log),
      };
      const entries = guestTree(parts);
      await writeErofs(hostTools().mkfsErofs, entries, `${out}/tree`, `${out}/kuasar.img`);
      await Deno.writeFile(`${out}/kuasar.initrd`, lz4Legacy(cpio(entries)));
      await Deno.writeTextFile(`${out}/manifest.json`, manifest(entries));
      for (const work of ["packages", "tree"]) await Deno.remove(`${out}/${work}`, { recursive: true });
    },
  });
}

if (import.meta.main) console.log(await buildImage());
