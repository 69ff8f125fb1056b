/**
 * Builds the container images of the demo and the tests, from Debian packages and our own Wasm modules: `deno run -A image/oci/build.ts`.
 */
import { hostTools } from "../../deploy/host/mod.ts";
import { capture, fetchPackages, root, step, unpackPackages } from "../../lib/build/mod.ts";
import { busyboxImage } from "./busybox.ts";
import { wasmImages } from "../wasm/images.ts";
import { nginxImage } from "./nginx.ts";

/**
 * Needs the host programs.
 *
 * @returns the directory with `busybox.tar`, `nginx.tar` and those of test modules, `wasm*.tar`
 */
export function buildOciImages(): Promise<string> {
  const busybox = hostTools().busyboxStatic;
  return step({
    name: "images",
    output: "images",
    inputs: [{ path: `${root}/image/oci` }, { path: `${root}/image/wasm` }, {
      path: `${root}/image/entry.ts`,
    }, { path: busybox }],
    run: async ({ out, log }) => {
      const applets = (await capture(busybox, ["--list"])).trim().split("\n");
      await Deno.writeFile(`${out}/busybox.tar`, busyboxImage(await Deno.readFile(busybox), applets));
      for (const [name, archive] of await wasmImages()) await Deno.writeFile(`${out}/${name}`, archive);
      const packages = await fetchPackages("trixie", ["nginx-light", "nginx", "dash"], {
        closure: true,
        log,
      });
      await unpackPackages(packages, `${out}/nginx`, log);
      await Deno.writeFile(`${out}/nginx.tar`, await nginxImage(`${out}/nginx`));
      await Deno.remove(`${out}/nginx`, { recursive: true });
    },
  });
}

if (import.meta.main) console.log(await buildOciImages());
