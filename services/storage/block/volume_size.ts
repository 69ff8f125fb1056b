import { KuasarError } from "../../../lib/errors/mod.ts";
import type { SharedVolume } from "../plan.ts";

const MIB = 1024 * 1024;
/** A directory of the host with more than these is not a volume that was meant to be copied. */
const MAX_ENTRIES = 16_384;

/**
 * Checks that volumes are small enough to be copied into the guest: configuration, secrets, logs.
 *
 * @throws KuasarError RESOURCE_EXHAUSTED naming the volume
 */
export function checkVolumeSizes(volumes: readonly SharedVolume[], limitMib: number): void {
  let bytes = 0;
  let entries = 0;
  for (const { source } of volumes) {
    const walk = (path: string): void => {
      const info = Deno.lstatSync(path);
      bytes += info.isFile ? info.size : 0;
      entries++;
      if (bytes > limitMib * MIB || entries > MAX_ENTRIES) {
        throw new KuasarError(
          "RESOURCE_EXHAUSTED",
          `Cannot copy ${source} into the guest: the container's volumes have more than ${limitMib} MiB or ` +
            `${MAX_ENTRIES} files; use a block volume, or raise block.volume_mib`,
        );
      }
      if (info.isDirectory) { for (const { name } of Deno.readDirSync(path)) walk(`${path}/${name}`); }
    };
    walk(source);
  }
}
