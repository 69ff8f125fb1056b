import { buildDir, fetchPackages, root, step } from "../../lib/build/mod.ts";
import { type DebianOrigin, licencesOf, originOf } from "./debian_origin.ts";

/** The packages of Debian that the guest's kernel and image and the agent are made from. */
export interface GuestOrigins {
  /** The licence of each, `<package>`. */
  licences: string;
  packages: DebianOrigin[];
}

/** Looks where kernel, image and agent come from; they must have been built. */
export async function guestOrigins(): Promise<GuestOrigins> {
  const read = (path: string) => Deno.readTextFile(`${buildDir}/${path}`);
  const manifest: { origin: string }[] = JSON.parse(await read("image/manifest.json"));
  const kernel = (await read("kernel/version")).trim();
  const names = [
    ...manifest.map(({ origin }) => origin.split(" ")[0]!).filter((name) => name !== "kuasar"),
    `linux-source-${kernel.split(".").slice(0, 2).join(".")}`,
    "libquickjs",
  ];
  const wanted = [...new Set(names)].sort();
  const dir = await step({
    name: "guest-origins",
    output: "guest-origins",
    inputs: [{ text: JSON.stringify([wanted, kernel, manifest.map(({ origin }) => origin)]) }, {
      path: `${root}/deploy/package/guest_origins.ts`,
    }],
    run: async ({ out, log }) => {
      const fetched = await fetchPackages("trixie", wanted, { closure: false, log });
      await Deno.mkdir(`${out}/licences`);
      for (const item of fetched) {
        await Deno.writeTextFile(`${out}/licences/${item.name}`, await licencesOf(item));
      }
      const packages = await Promise.all(fetched.map(originOf));
      await Deno.writeTextFile(`${out}/packages.json`, JSON.stringify(packages, null, 1) + "\n");
    },
  });
  return {
    licences: `${dir}/licences`,
    packages: JSON.parse(await Deno.readTextFile(`${dir}/packages.json`)),
  };
}
