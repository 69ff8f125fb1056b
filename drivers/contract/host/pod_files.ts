import { KuasarError } from "../../../lib/errors/mod.ts";
import { mount, MS } from "../../../lib/libc/mod.ts";
import type { StartRequest } from "../../../lib/proto/gen/kuasar/driver/v1/driver.ts";

type PodFile = StartRequest["files"][number];

/** What containers may add to the files of their pod. */
const ROOM_BYTES = 256 * 1024;

/** A directory and three files, and as many as a program makes that replaces one of them. */
const MAX_FILES = 16;

/**
 * Writes a pod's `hostname`, `hosts` and `resolv.conf` into a file system of their own in `directory`, which must exist. Containers
 * may write to them, and whatever they write is in the host's memory: not more of it than they are worth.
 *
 * @throws KuasarError INVALID_ARGUMENT for a name that leads elsewhere; {Errno}
 */
export function writePodFiles(directory: string, files: readonly PodFile[]): void {
  const paths = files.map(({ name }) => `${directory}/${checkName(name)}`);
  const size = files.reduce((sum, { content }) => sum + content.length, ROOM_BYTES);
  // Containers see it, whoever they run as.
  const data = `mode=0755,size=${size},nr_inodes=${MAX_FILES}`;
  mount({ source: "files", target: directory, type: "tmpfs", flags: MS.NOSUID | MS.NODEV | MS.NOEXEC, data });
  files.forEach(({ content }, i) => Deno.writeFileSync(paths[i]!, content, { mode: 0o644 }));
}

function checkName(name: string): string {
  if (/^[a-z][a-z.]*$/.test(name)) return name;
  throw new KuasarError(
    "INVALID_ARGUMENT",
    `Cannot write the pod's file ${JSON.stringify(name)}: it is no file name`,
  );
}
