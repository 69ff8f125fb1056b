import { buildDir, fetchPackages, needCommands, root, step, unpackPackages } from "../../lib/build/mod.ts";

/** A Debian release whose Docker works with containerd 2. */
const SUITE = "forky";

/** Docker's daemon and its command line; only tests run them. */
export interface Docker {
  dockerd: string;
  docker: string;
}

/** Fetches Docker into a prefix of its own. */
export async function installDocker(): Promise<Docker> {
  await step({
    name: "docker",
    output: "docker",
    inputs: [{ text: buildDir }, { path: `${root}/deploy/host/docker.ts` }],
    run: async ({ out, log, say }) => {
      await needCommands({ "dpkg-deb": "dpkg", tar: "tar" }, log, say);
      const packages = await fetchPackages(SUITE, ["docker.io", "docker-cli"], { closure: false, log });
      await unpackPackages(packages, out, log);
    },
  });
  return { dockerd: `${buildDir}/docker/usr/sbin/dockerd`, docker: `${buildDir}/docker/usr/bin/docker` };
}
