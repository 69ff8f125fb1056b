import { buildDir, fetchPackages, needCommands, root, step, unpackPackages } from "../../lib/build/mod.ts";

/** Debian's last release with containerd 1.7. */
const SUITE = "trixie";

/** Programs of containerd 1.7, which has no Sandbox API to call us by; only tests run it. */
export interface Containerd17 {
  containerd: string;
  ctr: string;
}

/** Fetches containerd 1.7 into a prefix of its own. */
export async function installContainerd17(): Promise<Containerd17> {
  await step({
    name: "containerd17",
    output: "containerd17",
    inputs: [{ text: buildDir }, { path: `${root}/deploy/host/containerd17.ts` }],
    run: async ({ out, log, say }) => {
      await needCommands({ "dpkg-deb": "dpkg", tar: "tar" }, log, say);
      await unpackPackages(await fetchPackages(SUITE, ["containerd"], { closure: false, log }), out, log);
    },
  });
  const bin = `${buildDir}/containerd17/usr/bin`;
  return { containerd: `${bin}/containerd`, ctr: `${bin}/ctr` };
}
