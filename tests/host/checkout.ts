import { root } from "../../lib/build/mod.ts";
import { HOST_FILES } from "./image.ts";
import type { HostMachine } from "./machine.ts";

/**
 * Puts a path of this host at the same place of the machine, read-only and over reboots: programs of the build folder are
 * bound to where they lie.
 */
export async function showPath(machine: HostMachine, path: string): Promise<void> {
  const entry =
    `${HOST_FILES}${path} ${path} none bind,nofail,x-systemd.requires-mounts-for=${HOST_FILES} 0 0`;
  const isFolder = (await Deno.stat(path)).isDirectory;
  const place = isFolder
    ? `mkdir -p ${path}`
    : `mkdir -p ${path.slice(0, path.lastIndexOf("/"))}; touch ${path}`;
  await machine.must(
    `${place}; grep -qF '${entry}' /etc/fstab || echo '${entry}' >> /etc/fstab; mountpoint -q ${path} || mount ${path}`,
  );
}

/** Deno's cache in the machine: that of this host below what the machine adds. */
const CACHE = "/var/tmp/deno";

/**
 * Makes this checkout usable in the machine, with what it has built and fetched: nothing is fetched there.
 *
 * @returns how Deno is called there, `... deno`
 */
export async function showCheckout(machine: HostMachine): Promise<string> {
  await showPath(machine, root);
  const info = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"], cwd: "/" }).output();
  const { denoDir } = JSON.parse(new TextDecoder().decode(info.stdout));
  await machine.must(
    `mkdir -p ${CACHE}/upper ${CACHE}/work ${CACHE}/dir; mountpoint -q ${CACHE}/dir || ` +
      `mount -t overlay -o lowerdir=${HOST_FILES}${denoDir},upperdir=${CACHE}/upper,workdir=${CACHE}/work overlay ${CACHE}/dir`,
  );
  return `cd ${root} && DENO_DIR=${CACHE}/dir DENO_NO_UPDATE_CHECK=1 ${HOST_FILES}${Deno.execPath()}`;
}
