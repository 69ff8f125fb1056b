import { KuasarError } from "../../lib/errors/mod.ts";
import { removeIfThere } from "../../lib/files/mod.ts";
import type { BlockDevice } from "../../lib/proto/gen/kuasar/storage/v1/storage.ts";
import { blockFileKind, checkSerial } from "../contract/vm/block_file.ts";
import type { FirecrackerApi } from "./api.ts";
import type { FullVmConfig } from "./api_types.ts";
import { diskPath, EMPTY, serialOf } from "./drive_paths.ts";

const SECTOR_BYTES = 512;

/** A drive that is there from the boot on, and what is in it now. */
interface Place {
  readOnly: boolean;
  disk:
    | { serial: string; sectors: number; /** False where the VMM did not answer. */ sure: boolean }
    | undefined;
}

/**
 * The disks of a running VM. Firecracker plugs nothing in that a guest would notice by itself: a VM has empty drives from
 * the boot on, and a disk comes when one of them gets another file, of which the guest sees the size.
 *
 * Read-only and writable disks have places of their own, because a drive stays what it was made as.
 */
export class Drives {
  readonly #api: Pick<FirecrackerApi, "updateDrive">;
  readonly #dir: string;
  readonly #places = new Map<string, Place>();

  /**
   * @param dir the sandbox's, in which the VMM runs
   * @param config what the VMM says of its drives
   */
  constructor(api: Pick<FirecrackerApi, "updateDrive">, dir: string, config: Pick<FullVmConfig, "drives">) {
    this.#api = api;
    this.#dir = dir;
    // Told in no particular order; taken as the guest counts them.
    const drives = config.drives.toSorted(({ drive_id: a }, { drive_id: b }) =>
      a.length - b.length || (a < b ? -1 : 1)
    );
    for (const { drive_id: id, path_on_host: path, is_read_only: readOnly } of drives) {
      const serial = serialOf(path ?? "");
      if (serial === undefined && path !== EMPTY) continue;
      const disk = serial === undefined
        ? undefined
        : { serial, sectors: sectorsOf(this.#link(serial)), sure: true };
      this.#places.set(id, { readOnly: readOnly === true, disk });
    }
  }

  /**
   * Puts a disk into a free place. One that is there already is fine.
   *
   * @throws {KuasarError} INVALID_ARGUMENT for a bad serial or file, RESOURCE_EXHAUSTED without a free place
   */
  async attach({ serial, hostPath, readOnly }: BlockDevice): Promise<void> {
    checkSerial(serial);
    const before = this.#find(serial);
    if (before?.[1].disk?.sure) return;
    await blockFileKind(hostPath);
    const [id, place] = before ?? this.#free(readOnly);
    const link = this.#link(serial);
    // One may be left of a driver that died on its way.
    removeIfThere(link);
    Deno.symlinkSync(hostPath, link);
    const disk = { serial, sectors: sectorsOf(link) };
    place.disk = { ...disk, sure: false };
    try {
      await this.#api.updateDrive({ drive_id: id, path_on_host: diskPath(serial) });
      place.disk = { ...disk, sure: true };
    } catch (error) {
      // Without an answer the disk may be in: the place stays taken until the next word on this disk.
      if (isRefusal(error)) {
        place.disk = undefined;
        removeIfThere(link);
      }
      throw error;
    }
  }

  /** Where the guest finds a disk: in a place, which has the disk once it has its size. */
  source(serial: string): string | undefined {
    const [name, place] = this.#find(serial) ?? [];
    return place?.disk && `place:${name}:${place.disk.sectors}`;
  }

  /** Makes a disk's place empty: the VMM lets go of the file at once, whatever the guest does. An unknown serial is fine. */
  async detach(serial: string): Promise<void> {
    checkSerial(serial);
    const [id, place] = this.#find(serial) ?? [];
    if (id === undefined || !place) return;
    await this.#api.updateDrive({ drive_id: id, path_on_host: EMPTY });
    place.disk = undefined;
    removeIfThere(this.#link(serial));
  }

  #link(serial: string): string {
    return `${this.#dir}/${diskPath(serial)}`;
  }

  #find(serial: string): [string, Place] | undefined {
    return [...this.#places].find(([, { disk }]) => disk?.serial === serial);
  }

  #free(readOnly: boolean): [string, Place] {
    const kind = [...this.#places].filter(([, place]) => place.readOnly === readOnly);
    const free = kind.find(([, { disk }]) => disk === undefined);
    if (free) return free;
    const key = readOnly ? "disk_places" : "writable_disk_places";
    throw new KuasarError(
      "RESOURCE_EXHAUSTED",
      `Cannot plug in a disk: all ${kind.length} places for ${
        readOnly ? "read-only" : "writable"
      } disks are taken ` +
        `(hypervisor.${key})`,
    );
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof KuasarError && error.code === "INTERNAL";
}

/** The size of a file or block device, as the VMM tells it to the guest; 0 where it is gone. */
function sectorsOf(path: string): number {
  try {
    using file = Deno.openSync(path, { read: true });
    return Math.floor(file.seekSync(0, Deno.SeekMode.End) / SECTOR_BYTES);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}
