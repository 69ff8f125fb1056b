/**
 * Builds the guest's root file system, as an initrd and as a read-only disk image: `deno run -A image/build.ts`.
 */
import { gzipSync } from "node:zlib";
import { hostTools } from "../deploy/host/mod.ts";
import { buildAgent } from "../guest/build.ts";
import { capture, root, step } from "../lib/build/mod.ts";
import { cpio } from "./cpio.ts";
import { crunEntries } from "./crun.ts";
import type { Entry } from "./entry.ts";
import { manifest } from "./manifest.ts";
import { guestTree } from "./tree.ts";
import { writeTree } from "./write_tree.ts";

/** Any fixed one: a random UUID would change the image with every build. */
const IMAGE_UUID = "6b756173-6172-4b75-a173-61726b756173";

/**
 * An erofs image of the entries; the same entries give the same bytes.
 *
 * Uncompressed: the host's page cache holds one copy for all guests, and none of them spends time on unpacking.
 */
async function writeErofs(entries: readonly Entry[], work: string, image: string): Promise<void> {
  await writeTree(entries, work);
  const fixed = ["-T", "0", "--all-root", "-U", IMAGE_UUID, "--quiet"];
  await capture(hostTools().mkfsErofs, [...fixed, image, work]);
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
    inputs: [{ path: agent }, { path: busybox }, { path: `${root}/image` }],
    run: async ({ out, log }) => {
      const parts = {
        agent: await Deno.readFile(agent),
        busybox: { content: await Deno.readFile(busybox), origin: "busybox-static" },
        crun: await crunEntries(`${out}/packages`, log),
      };
      const entries = guestTree(parts);
      await writeErofs(entries, `${out}/tree`, `${out}/kuasar.img`);
      await Deno.writeFile(`${out}/kuasar.initrd`, gzipSync(cpio(entries), { level: 9 }));
      await Deno.writeTextFile(`${out}/manifest.json`, manifest(entries));
      for (const work of ["packages", "tree"]) await Deno.remove(`${out}/${work}`, { recursive: true });
    },
  });
}

if (import.meta.main) console.log(await buildImage());
