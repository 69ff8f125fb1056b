import { KuasarError } from "../../lib/errors/mod.ts";
import type { Logger } from "../../lib/log/mod.ts";

/** Names in the folder that are entries. */
const ENTRY = /^[0-9a-f]{64}\.(wasm|cwasm)$/;

/**
 * Modules by what they are or were made from, below one folder: compiled ones, and those of artifacts.
 *
 * An entry appears by one rename and never changes, so several driver processes may share a folder. What is used least
 * recently goes first where there is too much; who has it open, keeps it.
 */
export class FileCache {
  readonly #folder: string;
  readonly #suffix: string;
  readonly #limitBytes: number;
  readonly #log: Logger;

  /** @param limitBytes what all entries together may take */
  constructor(folder: string, suffix: string, limitBytes: number, log: Logger) {
    this.#folder = folder;
    this.#suffix = suffix;
    this.#limitBytes = limitBytes;
    this.#log = log;
  }

  /** The file of an entry, which counts as used; undefined where there is none. */
  async find(key: string): Promise<string | undefined> {
    const path = this.#path(key);
    try {
      await Deno.utime(path, new Date(), new Date());
      return path;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  /**
   * Adds a file, which is moved: it must be on the same file system.
   *
   * @returns its path in the cache
   * @throws {KuasarError} RESOURCE_EXHAUSTED where it alone is more than the cache may take
   */
  async add(key: string, file: string): Promise<string> {
    const { size } = await Deno.stat(file);
    if (size > this.#limitBytes) {
      throw new KuasarError(
        "RESOURCE_EXHAUSTED",
        `Cannot keep a module: it has ${size} bytes, the cache ${this.#folder} may have ${this.#limitBytes}`,
      );
    }
    const path = this.#path(key);
    await Deno.rename(file, path);
    await this.#evict(path);
    return path;
  }

  #path(key: string): string {
    return `${this.#folder}/${key}${this.#suffix}`;
  }

  async #evict(kept: string): Promise<void> {
    const entries: { path: string; size: number; usedAt: number }[] = [];
    for await (const { name } of Deno.readDir(this.#folder)) {
      if (!ENTRY.test(name)) continue;
      const path = `${this.#folder}/${name}`;
      const info = await Deno.stat(path).catch(() => undefined);
      if (info) entries.push({ path, size: info.size, usedAt: info.mtime?.getTime() ?? 0 });
    }
    let total = entries.reduce((sum, { size }) => sum + size, 0);
    for (const { path, size } of entries.sort((a, b) => a.usedAt - b.usedAt)) {
      if (total <= this.#limitBytes) return;
      if (path === kept) continue;
      await Deno.remove(path).catch(() => {});
      this.#log.info("Removed a module from the cache", { path, size });
      total -= size;
    }
  }
}
