import { exists } from "../../../lib/files/mod.ts";
import { KeyedLock } from "../../../lib/concurrency/mod.ts";

const MIB = 1024 * 1024;

/** An image that is not removed before this is disposed of. */
export interface ClaimedImage extends Disposable {
  path: string;
}

/**
 * The files behind the disks of containers: `layers/<key>.erofs`, which containers of one image have in common, and
 * `sandboxes/<sandbox>/<container>-<name>.erofs`, which go with their container.
 */
export class ImageStore {
  readonly #layers: string;
  readonly #sandboxes: string;
  readonly #cacheBytes: number;
  readonly #lock = new KeyedLock();
  /** Layers that somebody is about to use, and how many are. */
  readonly #claims = new Map<string, number>();

  /** @param dir made when the first image is */
  constructor(dir: string, cacheMib: number) {
    this.#layers = `${dir}/layers`;
    this.#sandboxes = `${dir}/sandboxes`;
    this.#cacheBytes = cacheMib * MIB;
  }

  /**
   * The image of some layers, which is made where it is not there yet; once, however many ask at the same time. It stays
   * as long as the claim on it.
   *
   * @param make writes the image to the path that it is given
   */
  async layers(key: string, make: (path: string) => Promise<void>): Promise<ClaimedImage> {
    const path = `${this.#layers}/${key}.erofs`;
    const claim = this.#claim(path);
    try {
      await this.#lock.run(key, async () => {
        if (!exists(path)) {
          Deno.mkdirSync(this.#layers, { recursive: true, mode: 0o700 });
          await make(path);
        }
        const now = new Date();
        // The least recently used goes first.
        Deno.utimeSync(path, now, now);
      });
      return { path, [Symbol.dispose]: claim };
    } catch (error) {
      claim();
      throw error;
    }
  }

  /** Where the image of one container is to be written. */
  own(sandboxId: string, containerId: string, name: string): string {
    const dir = `${this.#sandboxes}/${sandboxId}`;
    Deno.mkdirSync(dir, { recursive: true, mode: 0o700 });
    return `${dir}/${containerId}-${name}.erofs`;
  }

  /** Removes the images of one container. Idempotent. */
  removeContainer(sandboxId: string, containerId: string, names: readonly string[]): void {
    for (const name of names) {
      const path = `${this.#sandboxes}/${sandboxId}/${containerId}-${name}.erofs`;
      if (exists(path)) Deno.removeSync(path);
    }
  }

  /** Removes the images of a sandbox's containers. Idempotent. */
  removeSandbox(sandboxId: string): void {
    const dir = `${this.#sandboxes}/${sandboxId}`;
    if (exists(dir)) Deno.removeSync(dir, { recursive: true });
  }

  /** Removes what no sandbox has any more and what an earlier process has not finished. */
  recover(sandboxIds: ReadonlySet<string>): void {
    for (const { name } of entries(this.#sandboxes)) if (!sandboxIds.has(name)) this.removeSandbox(name);
    for (const { name } of entries(this.#layers)) {
      if (!name.endsWith(".erofs")) Deno.removeSync(`${this.#layers}/${name}`);
    }
  }

  #claim(path: string): () => void {
    this.#claims.set(path, (this.#claims.get(path) ?? 0) + 1);
    return () => {
      const left = this.#claims.get(path)! - 1;
      if (left > 0) this.#claims.set(path, left);
      else this.#claims.delete(path);
    };
  }

  /** Removes layers that were not used for longest, until the others fit; those in use or claimed stay. */
  trim(inUse: ReadonlySet<string>): void {
    const images = entries(this.#layers).filter(({ name }) => name.endsWith(".erofs")).map(({ name }) => {
      const path = `${this.#layers}/${name}`;
      const { size, mtime } = Deno.statSync(path);
      return { path, size, usedAtMs: mtime?.getTime() ?? 0 };
    }).sort((a, b) => a.usedAtMs - b.usedAtMs);
    let bytes = images.reduce((sum, { size }) => sum + size, 0);
    for (const { path, size } of images) {
      if (bytes <= this.#cacheBytes) return;
      if (inUse.has(path) || this.#claims.has(path)) continue;
      Deno.removeSync(path);
      bytes -= size;
    }
  }
}

function entries(dir: string): Deno.DirEntry[] {
  return exists(dir) ? [...Deno.readDirSync(dir)] : [];
}
