import { createHash } from "node:crypto";
import { asKuasarError, KuasarError } from "../../../lib/errors/mod.ts";
import { changeOwner } from "../../../lib/libc/mod.ts";
import type { Logger } from "../../../lib/log/mod.ts";
import { GUEST_ROOT, MODULE_DIR } from "../engine_run.ts";
import type { EngineRoot } from "../engine_root.ts";
import type { Engine, EngineBuild, OptimizeLevel } from "../engine/mod.ts";
import { FileCache } from "../file_cache.ts";
import { endJail, type JailLimits, NOBODY, runJailed } from "./jail.ts";
import { aotKey, cpuFeatures } from "./key.ts";

/** Folder of compilations under way, beside the entries. */
const WORK = ".work";

/** How modules are compiled. */
export interface AotSettings {
  /** `background`: a container does not wait, only later ones of the same module have the code. */
  mode: "wait" | "background";
  optimize: OptimizeLevel;
  folder: string;
  limitBytes: number;
  /** Larger modules are not compiled. */
  maxModuleBytes: number;
  limits: JailLimits;
}

/** What is compiled with. */
export interface Toolchain {
  engine: Engine;
  build: EngineBuild;
  root: EngineRoot;
}

/**
 * Compiles modules ahead of time, one after the other, and keeps the results.
 *
 * A module that cannot be compiled runs as it is: that costs time, and nothing else.
 */
export class AotCompiler {
  readonly #settings: AotSettings;
  readonly #toolchain: Toolchain;
  readonly #cache: FileCache;
  readonly #log: Logger;
  readonly #cpu = cpuFeatures(Deno.readTextFileSync("/proc/cpuinfo"));
  /** Keys of modules that could not be compiled: they are not tried again. */
  readonly #failed = new Set<string>();
  readonly #running = new Map<string, Promise<string | undefined>>();
  #last: Promise<unknown> = Promise.resolve();
  #count = 0;

  /** What an earlier process was compiling is thrown away. */
  constructor(settings: AotSettings, toolchain: Toolchain, log: Logger) {
    this.#settings = settings;
    this.#toolchain = toolchain;
    this.#log = log;
    this.#cache = new FileCache(settings.folder, toolchain.engine.compiledSuffix, settings.limitBytes, log);
    Deno.mkdirSync(`${settings.folder}/${WORK}`, { recursive: true, mode: 0o755 });
    for (const { name } of Deno.readDirSync(`${settings.folder}/${WORK}`)) {
      if (!isRunning(Number(name.split("-")[0]))) {
        endJail(`${settings.folder}/${WORK}/${name}`);
        Deno.removeSync(`${settings.folder}/${WORK}/${name}`, { recursive: true });
      }
    }
  }

  /**
   * The compiled form of a module, where there is one or where it is waited for.
   *
   * @param path of the module on the host
   * @returns undefined where the module runs as it is
   */
  async compiled(path: string): Promise<string | undefined> {
    const { size } = await Deno.stat(path);
    if (size > this.#settings.maxModuleBytes) return undefined;
    const key = this.#key(await digestOf(path));
    const found = await this.#cache.find(key);
    if (found !== undefined || this.#failed.has(key)) return found;
    let running = this.#running.get(key);
    if (!running) {
      // Copied before anything else can change it: the container may be gone when its turn comes.
      const work = await this.#copy(path);
      running = this.#enqueue(key, work);
      this.#running.set(key, running);
      void running.finally(() => this.#running.delete(key));
    }
    return this.#settings.mode === "wait" ? await running : undefined;
  }

  /** Resolves when nothing is being compiled. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  #key(digest: string): string {
    const { engine, build } = this.#toolchain;
    return aotKey({
      digest,
      engine: build.text,
      options: engine.compile("", "", this.#settings.optimize),
      cpu: this.#cpu,
    });
  }

  async #copy(path: string): Promise<string> {
    const work = `${this.#settings.folder}/${WORK}/${Deno.pid}-${++this.#count}`;
    for (const name of ["in", "out"]) await Deno.mkdir(`${work}/${name}`, { recursive: true, mode: 0o755 });
    await Deno.copyFile(path, `${work}/in/module.wasm`);
    await Deno.chmod(`${work}/in/module.wasm`, 0o444);
    await Deno.chown(`${work}/out`, NOBODY, NOBODY);
    return work;
  }

  #enqueue(key: string, work: string): Promise<string | undefined> {
    const running = this.#last.then(async () => {
      try {
        return await this.#compile(key, work);
      } catch (error) {
        this.#failed.add(key);
        const { message, evidence } = asKuasarError(error);
        this.#log.warn("A module runs without being compiled", { reason: message, evidence });
        return undefined;
      } finally {
        await Deno.remove(work, { recursive: true }).catch(() => {});
      }
    });
    this.#last = running;
    return running;
  }

  async #compile(key: string, work: string): Promise<string> {
    const { engine, root } = this.#toolchain;
    const { optimize, limits } = this.#settings;
    const begin = performance.now();
    const module = `${work}/in/module.wasm`;
    // What was hashed may have been changed before it was copied.
    if (this.#key(await digestOf(module)) !== key) {
      throw new KuasarError("ABORTED", "Cannot compile the module: it was changed meanwhile");
    }
    const name = `module${engine.compiledSuffix}`;
    const args = engine.compile(`${GUEST_ROOT}/module.wasm`, `${MODULE_DIR}/${name}`, optimize);
    await runJailed(root, work, args, limits);
    const made = `${work}/out/${name}`;
    // The compiler's own process could have put anything there.
    if (!(await Deno.lstat(made)).isFile) {
      throw new KuasarError("INTERNAL", "Cannot compile the module: the compiler made no file");
    }
    changeOwner(made, 0, 0);
    await Deno.chmod(made, 0o444);
    const path = await this.#cache.add(key, made);
    this.#log.info("Compiled a module", { path, ms: Math.round(performance.now() - begin) });
    return path;
  }
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  for await (const chunk of file.readable) hash.update(chunk);
  return hash.digest("hex");
}

function isRunning(pid: number): boolean {
  try {
    Deno.statSync(`/proc/${pid}`);
    return true;
  } catch {
    return false;
  }
}
